import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Barrier, RelationBarrier } from '../../../shared/change/barrier.ts';
import type { Relation, RelationPlan } from '../../../shared/change/relation.ts';
import type { SinkOptions } from '../../../shared/connector/end-options.ts';
import type { Finding } from '../../../shared/connector/finding.ts';
import type { NamespacePlan, PipelinePlan } from '../../../shared/connector/plan.ts';
import type { ChunkHead, LaneBatch } from '../../../shared/connector/sink.ts';
import { isDocumentRelation } from '../../../shared/document/document-relation.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import type { FolderState } from '../../../shared/ledger/folder-state.ts';
import type { RowSink } from '../../../shared/state/row-sink.ts';
import { parseDataFileName } from './data-file.ts';
import { removeOldDrafts } from './draft.ts';
import { fileTypeFindings } from './file-type.ts';
import { encodeNamespace } from './folder-listing.ts';
import { writtenRelation } from './lines-of.ts';
import { appendManifest, type ManifestEntry, readManifest } from './manifest.ts';
import { withDetails } from './schema-details.ts';
import { toSchema } from './schema-file.ts';
import type { FileSettings } from './settings.ts';
import { checkFolder } from './sink-check.ts';
import { writeChanges, writeMoves } from './written-changes.ts';
import { WrittenNames } from './written-names.ts';
import { writeRows } from './written-rows.ts';
import { writeSchema } from './written-schema.ts';

/**
 * The rows of a folder of files: a folder for each namespace, in it a file for each chunk of the copy and for each batch of
 * changes, and above them the manifest, which lists them in the order in which they count. A file has its name only when
 * it is whole.
 */
export class FolderRows implements RowSink {
  readonly #settings: FileSettings;
  readonly #state: FolderState;
  readonly #create: SinkOptions['create'];
  readonly #names: WrittenNames;

  constructor(
    settings: FileSettings,
    state: FolderState,
    { create, map }: Pick<SinkOptions, 'create' | 'map'>,
  ) {
    this.#settings = settings;
    this.#state = state;
    this.#create = create;
    this.#names = new WrittenNames(map, settings);
  }

  async check(relations: readonly RelationPlan[]): Promise<Finding[]> {
    const { folder, format } = this.#settings;
    const targets = relations.map(({ relation, definition }) => ({
      relation: { ...relation, namespace: this.#names.target(relation.namespace) },
      definition,
    }));
    return [
      ...(await checkFolder(folder, this.#create, targets)),
      ...relations.flatMap(({ relation }) => [
        ...csvFindings(relation, format),
        ...fileTypeFindings(relation),
      ]),
    ];
  }

  async prepare(
    { namespaces }: PipelinePlan,
    known: ReadonlySet<string> | null,
  ): Promise<readonly string[]> {
    for (const { relation } of namespaces)
      for (const { message } of csvFindings(relation, this.#settings.format))
        throw new WeirError('TARGET_UNFIT', `${relation.namespace}: ${message}`);
    for (const namespace of namespaces) await this.#prepareNamespace(namespace, known === null);
    await removeOldDrafts(this.#settings.folder);
    return [];
  }

  async #prepareNamespace(
    { relation, state, tableSchema }: NamespacePlan,
    isFirst: boolean,
  ): Promise<void> {
    const namespace = this.#names.target(relation.namespace);
    const within = this.#path(encodeNamespace(namespace));
    await mkdir(within, { recursive: true });
    if (isFirst) await requireEmpty(within);
    if (state === 'new' || state === 'restart')
      await writeSchema(within, withDetails(toSchema(writtenRelation(relation)), tableSchema));
    if (state !== 'restart') return;
    for (const name of await dataFiles(within)) await rm(path.join(within, name));
    await this.#list([{ kind: 'truncate', namespace }]);
  }

  /** Lists what is in and was not listed yet, because its writer died between the two. */
  async recover(): Promise<void> {
    const stored = await this.#state.readStored();
    if (stored.length === 0) return;
    const chunks = await this.#state.readChunks();
    const copied = stored.flatMap(({ relation, chunks: each }) =>
      each
        .filter(({ id }) => chunks.has(id))
        .map(({ id }) => this.#names.chunk(relation.namespace, id, chunks.get(id)!)),
    );
    const { lanes } = await this.#state.read('lanes');
    const noted = lanes.flatMap(({ note }) => (note ?? []) as ManifestEntry[]);
    await this.#listOnce([...copied, ...noted]);
  }

  load({ id, namespace, relation }: ChunkHead, parts: AsyncIterable<Buffer>): Promise<void> {
    const { file } = this.#names.chunk(namespace, id, 0);
    return writeRows(this.#path(file!), relation, parts, this.#settings);
  }

  count({ id, namespace, rows }: ChunkHead): Promise<void> {
    return this.#list([this.#names.chunk(namespace, id, rows())]);
  }

  async apply(batch: LaneBatch, part?: string): Promise<ManifestEntry[] | undefined> {
    const entries: ManifestEntry[] = [];
    for (const changes of batch.changes) {
      const { namespace } = changes.relation;
      const file = this.#names.changes(namespace, batch, part);
      const rows = await writeChanges(this.#path(file), changes, this.#settings.gzip);
      if (rows > 0)
        entries.push({ kind: 'changes', namespace: this.#names.target(namespace), file, rows });
      else await rm(this.#path(file));
    }
    return entries.length === 0 ? undefined : entries;
  }

  /** What was parked may have been listed by somebody who died then: what no key tells apart must not be so twice. */
  async applied(notes: readonly unknown[]): Promise<void> {
    const entries = notes as ManifestEntry[];
    const isReplayed = ({ file }: ManifestEntry): boolean => file?.includes('/parked-') === true;
    await this.#list(entries.filter((each) => !isReplayed(each)));
    const replayed = entries.filter(isReplayed);
    if (replayed.length > 0) await this.#listOnce(replayed);
  }

  /** Listed before the lane has moved: the other lanes go on as soon as it has. Done twice is as good as once. */
  async runBarrier(batch: LaneBatch, barrier: Barrier, part?: string): Promise<void> {
    switch (barrier.kind) {
      case 'truncate': {
        const namespaces = barrier.relations.map(({ namespace }) => this.#names.target(namespace));
        return this.#list(namespaces.map((namespace) => ({ kind: 'truncate', namespace })));
      }
      case 'move': {
        const namespace = this.#names.target(barrier.relation.namespace);
        const file = this.#names.moves(barrier.relation.namespace, batch, part);
        const rows = await writeMoves(this.#path(file), barrier, this.#settings.gzip);
        return this.#list([{ kind: 'changes', namespace, file, rows }]);
      }
      case 'relation': {
        const { relation } = barrier.after;
        const filled = filledTexts(barrier);
        const schema = toSchema(writtenRelation(relation));
        const namespace = this.#names.target(relation.namespace);
        await writeSchema(this.#path(encodeNamespace(namespace)), schema);
        const { columns } = schema;
        return this.#list([{ kind: 'schema', namespace, columns, ...(filled && { filled }) }]);
      }
    }
  }

  async close(): Promise<void> {
    // Every file is closed where it was written.
  }

  #path(file: string): string {
    return path.join(this.#settings.folder, file);
  }

  #list(entries: readonly ManifestEntry[]): Promise<void> {
    return appendManifest(this.#settings.folder, entries);
  }

  async #listOnce(entries: readonly ManifestEntry[]): Promise<void> {
    const listed = new Set((await readManifest(this.#settings.folder)).map(({ file }) => file));
    await this.#list(entries.filter(({ file }) => !listed.has(file)));
  }
}

function csvFindings(relation: Relation, format: 'csv' | 'jsonl'): Finding[] {
  if (format === 'jsonl' || !isDocumentRelation(relation)) return [];
  const message = 'documents are not written as CSV; use format=jsonl in target.url';
  return [{ level: 'error', subject: relation.namespace, message }];
}

/** Throws where older rows have values that are in no log. */
function filledTexts({ after, filled }: RelationBarrier): Record<string, string> | undefined {
  const unknown = filled?.find(({ value }) => value === null);
  if (unknown !== undefined)
    throw new WeirError(
      'SCHEMA_CHANGED',
      `${after.relation.namespace} got the column ${unknown.column} at the source, whose values in older rows are not in its log (a default that is computed for each row, an identity, or one that the steps of the pipeline change); run \`weir reset\` and copy again into an empty folder`,
    );
  return filled && Object.fromEntries(filled.map(({ column, value }) => [column, value!]));
}

/** A copy goes into folders without rows only. */
async function requireEmpty(folder: string): Promise<void> {
  const [first] = await dataFiles(folder);
  if (first === undefined) return;
  throw new WeirError(
    'TARGET_UNFIT',
    `${folder} holds rows already (${first}); empty it, or name another folder`,
  );
}

async function dataFiles(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => parseDataFileName(name) !== null);
}
