import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Relation, RelationPlan } from '../../../shared/change/relation.ts';
import type { SinkCapabilities } from '../../../shared/connector/connector.ts';
import type { SinkOptions } from '../../../shared/connector/end-options.ts';
import type { Finding } from '../../../shared/connector/finding.ts';
import type { PipelinePlan } from '../../../shared/connector/plan.ts';
import type { ChunkHead, LaneBatch, Sink } from '../../../shared/connector/sink.ts';
import type { Barrier } from '../../../shared/change/barrier.ts';
import { isDocumentRelation } from '../../../shared/document/document-relation.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { FolderState } from '../../../shared/ledger/folder-state.ts';
import { sinkOver } from '../../../shared/state/sink-over.ts';
import { formatDataFileName, parseDataFileName } from './data-file.ts';
import { removeOldDrafts } from './draft.ts';
import { encodeNamespace } from './folder-listing.ts';
import { writtenRelation } from './lines-of.ts';
import { appendManifest, type ManifestEntry, readManifest } from './manifest.ts';
import { fileTypeFindings } from './file-type.ts';
import { withDetails } from './schema-details.ts';
import { toSchema } from './schema-file.ts';
import { checkFolder } from './sink-check.ts';
import { parseFileUrl } from './settings.ts';
import { writeChanges, writeMoves } from './written-changes.ts';
import { writeRows } from './written-rows.ts';
import { writeSchema } from './written-schema.ts';

export const FILE_SINK: SinkCapabilities = {
  state: 'listed',
  ddl: 'apart',
  rows: 'kept',
  readsBack: true,
};

/**
 * Writes a folder of files: a folder for each namespace, in it a file for each chunk of the copy and for each batch of
 * changes, and above them the manifest, which lists them in the order in which they count. A file has its name only
 * when it is whole. What a file is the result of is in its name: a chunk, or a step of a lane by the owner who took it;
 * so whoever repeats one repeats its file, and a file that belongs to no step that was taken is listed nowhere.
 *
 * The pipeline's state is kept in the folder, too, which all writers share.
 */
export function createFileSink(options: SinkOptions): Sink {
  const { pipeline, url, map, create } = options;
  const settings = parseFileUrl(url);
  const { folder, format, gzip } = settings;
  const stateFolder = path.join(folder, '.weir', pipeline);
  const state = new FolderState(stateFolder);
  const targetOf = (namespace: string): string => map[namespace] ?? namespace;
  const nameOf = (namespace: string, stem: string, kind: 'csv' | 'jsonl'): string =>
    `${encodeNamespace(targetOf(namespace))}/${formatDataFileName(stem, kind, gzip)}`;

  const chunkEntry = (namespace: string, id: number, rows: number): ManifestEntry => ({
    kind: 'rows',
    namespace: targetOf(namespace),
    file: nameOf(namespace, `rows-${String(id).padStart(8, '0')}`, format),
    rows,
  });

  /** Lists what is in and was not listed yet, because its writer died between the two. */
  const completeManifest = async (): Promise<void> => {
    const stored = await state.readStored();
    if (stored.length === 0) return;
    const chunks = await state.readChunks();
    const listed = new Set((await readManifest(folder)).map(({ file }) => file));
    const copied = stored.flatMap(({ relation, chunks: each }) =>
      each
        .filter(({ id }) => chunks.has(id))
        .map(({ id }) => chunkEntry(relation.namespace, id, chunks.get(id)!)),
    );
    const { lanes } = await state.read('lanes');
    const noted = lanes.flatMap(({ note }) => (note ?? []) as ManifestEntry[]);
    await appendManifest(
      folder,
      [...copied, ...noted].filter(({ file }) => !listed.has(file)),
    );
  };

  /** One for each namespace; the lane's step and its owner make the name. */
  const stemOf = ({ before }: LaneBatch, part?: string): string => {
    // An entry that was parked is written by whoever replays it, wherever the lanes are by then.
    if (part?.startsWith('parked-') === true) return part;
    const lane = String(before.lane).padStart(2, '0');
    return `changes-${before.position}-L${lane}-E${before.epoch}${part === undefined ? '' : `-${part}`}`;
  };

  return sinkOver(
    FILE_SINK,
    state,
    {
      check: async (relations) => [
        ...(await checkFolder(folder, create, relations.map(toTarget))),
        ...relations.flatMap(({ relation }) => [
          ...csvFindings(relation, format),
          ...fileTypeFindings(relation),
        ]),
      ],

      async prepare(plan: PipelinePlan, known): Promise<readonly string[]> {
        for (const { relation } of plan.namespaces)
          for (const { message } of csvFindings(relation, format))
            throw new WeirError('TARGET_UNFIT', `${relation.namespace}: ${message}`);
        for (const { relation, state, tableSchema } of plan.namespaces) {
          const within = path.join(folder, encodeNamespace(targetOf(relation.namespace)));
          await mkdir(within, { recursive: true });
          if (known === null) await requireEmpty(within);
          if (state === 'new' || state === 'restart')
            await writeSchema(
              within,
              withDetails(toSchema(writtenRelation(relation)), tableSchema),
            );
          if (state !== 'restart') continue;
          for (const name of await dataFiles(within)) await rm(path.join(within, name));
          await appendManifest(folder, [
            { kind: 'truncate', namespace: targetOf(relation.namespace) },
          ]);
        }
        await removeOldDrafts(folder);
        return [];
      },
      recover: completeManifest,

      load({ id, namespace, relation }: ChunkHead, parts: AsyncIterable<Buffer>): Promise<void> {
        const { file } = chunkEntry(namespace, id, 0);
        return writeRows(path.join(folder, file!), relation, parts, settings);
      },
      count: ({ id, namespace, rows }: ChunkHead) =>
        appendManifest(folder, [chunkEntry(namespace, id, rows())]),

      async apply(batch: LaneBatch, part): Promise<ManifestEntry[] | undefined> {
        const entries: ManifestEntry[] = [];
        for (const changes of batch.changes) {
          const { namespace } = changes.relation;
          const file = nameOf(namespace, stemOf(batch, part), 'jsonl');
          const rows = await writeChanges(path.join(folder, file), changes, gzip);
          if (rows > 0)
            entries.push({ kind: 'changes', namespace: targetOf(namespace), file, rows });
          else await rm(path.join(folder, file));
        }
        return entries.length === 0 ? undefined : entries;
      },
      /** What was parked may have been listed by somebody who died then: what no key tells apart must not be so twice. */
      async applied(notes): Promise<void> {
        const entries = notes as ManifestEntry[];
        const isReplayed = ({ file }: ManifestEntry): boolean =>
          file?.includes('/parked-') === true;
        if (!entries.some(isReplayed)) return appendManifest(folder, entries);
        const listed = new Set((await readManifest(folder)).map(({ file }) => file));
        await appendManifest(
          folder,
          entries.filter((each) => !isReplayed(each) || !listed.has(each.file)),
        );
      },

      /** Listed before the lane has moved: the other lanes go on as soon as it has. Done twice is as good as once. */
      async runBarrier(batch: LaneBatch, barrier: Barrier, part): Promise<void> {
        if (barrier.kind === 'truncate')
          await appendManifest(
            folder,
            barrier.relations.map(({ namespace }) => ({
              kind: 'truncate',
              namespace: targetOf(namespace),
            })),
          );
        if (barrier.kind === 'move') {
          const { namespace } = barrier.relation;
          const file = nameOf(namespace, `${stemOf(batch, part)}-moved`, 'jsonl');
          const rows = await writeMoves(path.join(folder, file), barrier, gzip);
          await appendManifest(folder, [
            { kind: 'changes', namespace: targetOf(namespace), file, rows },
          ]);
        }
        if (barrier.kind === 'relation') {
          const { relation } = barrier.after;
          const schema = toSchema(writtenRelation(relation));
          const namespace = targetOf(relation.namespace);
          await writeSchema(path.join(folder, encodeNamespace(namespace)), schema);
          await appendManifest(folder, [{ kind: 'schema', namespace, columns: schema.columns }]);
        }
      },
      close: () => Promise.resolve(),
    },
    options,
  );

  function toTarget({ relation, definition }: RelationPlan): RelationPlan {
    return { relation: { ...relation, namespace: targetOf(relation.namespace) }, definition };
  }
}

function csvFindings(relation: Relation, format: 'csv' | 'jsonl'): Finding[] {
  if (format === 'jsonl' || !isDocumentRelation(relation)) return [];
  const message = 'documents are not written as CSV; use format=jsonl in target.url';
  return [{ level: 'error', subject: relation.namespace, message }];
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
