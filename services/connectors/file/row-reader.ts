import path from 'node:path';
import type { Relation } from '../../../shared/change/relation.ts';
import type { EndOptions } from '../../../shared/connector/end-options.ts';
import type { RowReader } from '../../../shared/connector/row-reader.ts';
import { createSourceRows } from '../../../shared/connector/source-rows.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { columnCodec } from '../../../shared/row/canonical/column-codec.ts';
import { Refusal } from '../../../shared/row/canonical/refusal.ts';
import { cutFile } from './copy-plan.ts';
import { readText, unfit } from './file-text.ts';
import { type DataFile, encodeNamespace, isBehindRows, toDataFile } from './folder-listing.ts';
import { type JsonRecord, readJsonLines, toValueText } from './json-lines.ts';
import { MANIFEST_FILE, type ManifestEntry, readManifest } from './manifest.ts';
import { CountedRows, type Fill, NetRows, withFills, type WrittenChange } from './net-rows.ts';
import { readSlice } from './read-slice.ts';
import { readSchemaFile, toRelation } from './schema-file.ts';
import { type FileSettings, parseFileUrl } from './settings.ts';
import { createFileSource } from './source.ts';

const OPS = new Set(['delete', 'upsert', 'update', 'move', 'patch']);

/**
 * The rows of a folder, in which there may be changes behind them: what they come to. As a source it may have none, since
 * no pipeline reads them.
 */
export function createFileRowReader(options: EndOptions): RowReader {
  const settings = parseFileUrl(options.url);
  const copies = createSourceRows(createFileSource(options), 'all');
  /** Those that are read with their changes. */
  const folded = new Set<Relation>();
  return {
    async relations(end, namespaces) {
      const entries = end === 'source' ? [] : await readManifest(settings.folder);
      if (!entries.some(isBehindRows)) return copies.relations(end, namespaces);
      const found: Relation[] = [];
      for (const namespace of namespaces ?? new Set(entries.map((entry) => entry.namespace))) {
        const schema = await readSchemaFile(path.join(settings.folder, encodeNamespace(namespace)));
        if (schema !== null) found.push(toRelation(namespace, schema));
      }
      for (const relation of found) folded.add(relation);
      return found;
    },

    read: (relation, take, signal) =>
      folded.has(relation)
        ? readNetRows(settings, relation, take, signal)
        : copies.read(relation, take, signal),

    close: () => copies.close(),
  };
}

async function readNetRows(
  settings: FileSettings,
  relation: Relation,
  take: (tuple: Buffer) => void,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, identity } = relation;
  const rows = identity === 'key' ? new NetRows(relation) : new CountedRows();
  const changes = new ChangeLines(relation);
  let copied: { name: string; fills: Fill[] }[] = [];
  for (const entry of await readManifest(settings.folder)) {
    if (entry.namespace !== namespace) continue;
    if (entry.kind === 'truncate') {
      copied = [];
      rows.clear();
    } else if (entry.kind === 'rows') copied.push({ name: entry.file!, fills: [] });
    else if (entry.kind === 'changes') {
      const told: WrittenChange[] = [];
      for await (const change of changes.read(settings, entry, signal)) told.push(change);
      rows.tell(told);
    } else {
      const fills = changes.fillsOf(entry);
      for (const each of copied) each.fills.push(...fills);

      rows.fill(fills);
    }
  }
  // A row that came twice had a change in between, so these are among `rows`, and the later one counts.
  for (const { name, fills } of copied.reverse())
    for (const slice of await cutFile(await fileOf(settings, name), settings))
      for await (const tuple of readSlice(slice, relation, settings, signal)) {
        const row = rows.ofCopied(withFills(tuple, fills));
        if (row !== null) take(row);
      }
  for (const row of rows.rest()) take(row);
}

async function fileOf({ folder }: FileSettings, name: string): Promise<DataFile> {
  return (await toDataFile(folder, name)) ?? unknown(name, 'has a name that says nothing of it');
}

/** Reads lines of changes; their values in canonical form. */
class ChangeLines {
  readonly #relation: Relation;
  readonly #places: ReadonlyMap<string, number>;

  constructor(relation: Relation) {
    this.#relation = relation;
    this.#places = new Map(relation.columns.map(({ name }, place) => [name, place]));
    for (const name of ['_op', '_key'])
      if (this.#places.has(name))
        throw new WeirError(
          'NOT_SUPPORTED',
          `${relation.namespace} has a column ${name}, which changes in files have for themselves, so they cannot be told apart; compare counts with weir status`,
        );
  }

  async *read(
    settings: FileSettings,
    { file }: ManifestEntry,
    signal: AbortSignal,
  ): AsyncGenerator<WrittenChange> {
    const { name, gzip, bytes } = await fileOf(settings, file!);
    const part = { file: path.join(settings.folder, name), gzip, encoding: settings.encoding };
    const text = readText({ ...part, from: 0, to: bytes }, signal);
    for await (const record of readJsonLines(text, name)) yield this.#change(record, name);
  }

  /** What a schema gives to the rows before it. */
  fillsOf({ file = MANIFEST_FILE, filled = {} }: ManifestEntry): Fill[] {
    return Object.entries(filled).map(([name, value]) => {
      return { place: this.#placeOf(name, file), value: this.#valueOf(name, value, file)! };
    });
  }

  #change({ _op: op, _key: key, ...fields }: JsonRecord, file: string): WrittenChange {
    if (typeof op !== 'string' || !OPS.has(op)) unknown(file, 'has a change without an _op that is known'); // prettier-ignore
    const isPatch = op === 'patch';
    const { set, unset, ...own } = isPatch ? fields : { ...fields, set: null, unset: null };
    const values = new Array<string | null | undefined>(this.#places.size).fill(undefined);
    for (const [name, value] of Object.entries(isPatch ? own : fields))
      values[this.#placeOf(name, file)] = this.#valueOf(name, value, file);
    const oldKey = op === 'move' ? this.#oldKey(key as JsonRecord, file) : null;
    const patch = isPatch ? { set: toValueText(set)!, unset: (unset as unknown[]).map(String) } : null; // prettier-ignore
    return { op: op as WrittenChange['op'], values, oldKey, patch };
  }

  #oldKey(key: JsonRecord, file: string): string[] {
    return this.#relation.key.map((place) => {
      const { name } = this.#relation.columns[place]!;
      return this.#valueOf(name, key[name], file) ?? '';
    });
  }

  #valueOf(name: string, value: unknown, file: string): string | null {
    const text = toValueText(value);
    if (text === null) return null;
    try {
      return columnCodec(this.#relation.columns[this.#placeOf(name, file)]!).read(text);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return unknown(file, `has a change with a value of ${name} that is none of its type: ${error.reason}`); // prettier-ignore
    }
  }

  #placeOf(name: string, file: string): number {
    return this.#places.get(name) ?? unknown(file, `has a change with the field ${name}, which the schema does not have`); // prettier-ignore
  }
}

function unknown(file: string, what: string): never {
  throw unfit(file, `${what}; it is not as Weir has written it`);
}
