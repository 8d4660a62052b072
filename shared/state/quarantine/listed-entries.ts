import type { Relation } from '../../change/relation.ts';
import { keyOf } from '../../change/tuple.ts';
import type { ParkedEntry, ParkedRow, ParkedSelection } from '../../connector/parking.ts';
import {
  fromDocumentKey,
  fromDocumentRow,
  isDocumentRelation,
} from '../../document/document-relation.ts';
import { fieldTexts } from '../../document/field-texts.ts';
import type { ParkedRecord } from '../records.ts';
import type { ParkedEntries } from './parked-entries.ts';
import { PAGE_BYTES } from './parked-page.ts';

/**
 * Texts of values that lie one after the other, of these columns of the relation, for people to read. Columns that are
 * unchanged are left out.
 */
export type ReadTexts = (
  relation: Relation,
  columns: readonly number[],
  values: Buffer,
) => Promise<Record<string, string | null>>;

export async function listEntries(
  parked: ParkedEntries,
  textsOf: ReadTexts,
  selection: ParkedSelection,
  after: number,
  limit: number,
): Promise<ParkedEntry[]> {
  const range = { after, until: null, limit, maxBytes: PAGE_BYTES };
  const entries: ParkedEntry[] = [];
  for (const record of await parked.read({ selection, wholeChains: false, ...range }))
    entries.push(await toEntry(textsOf, record));
  return entries;
}

export async function showEntry(
  parked: ParkedEntries,
  textsOf: ReadTexts,
  id: number,
): Promise<ParkedRow | null> {
  const selection = { kind: 'ids' as const, ids: [id] };
  const range = { after: 0, until: null, limit: 1, maxBytes: PAGE_BYTES };
  const [record] = await parked.read({ selection, wholeChains: false, ...range });
  if (record === undefined) return null;
  const entry = await toEntry(textsOf, record);
  const { relation, source, tuple, key } = record;
  if (tuple !== null)
    return { ...entry, values: await readRowTexts(textsOf, source ?? relation, tuple) };
  // A delete: of a row that all its values tell from others they are the key.
  const values =
    relation.identity === 'row' ? await readRowTexts(textsOf, relation, key!) : entry.key;
  return { ...entry, values: values ?? {} };
}

async function toEntry(textsOf: ReadTexts, record: ParkedRecord): Promise<ParkedEntry> {
  const { id, namespace, kind, copied, reason, position, source, parkedAt } = record;
  const key = await readKeyTexts(textsOf, record);
  const untransformed = source !== null;
  return { id, namespace, key, kind, copied, untransformed, reason, position, parkedAt };
}

/** The key of an entry as text (of a move the key that its row gets); null where rows have none. */
export async function readKeyTexts(
  textsOf: ReadTexts,
  { relation, source, key, tuple }: Pick<ParkedRecord, 'relation' | 'source' | 'key' | 'tuple'>,
): Promise<Record<string, string> | null> {
  if (relation.identity !== 'key') return null;
  if (isDocumentRelation(relation))
    return fieldTexts(key !== null ? fromDocumentKey(key) : fromDocumentRow(tuple!).id);
  const bytes = tuple === null || source !== null ? key! : keyOf(tuple, relation.key);
  const values = await textsOf(relation, relation.key, bytes);
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value ?? 'NULL']));
}

function readRowTexts(
  textsOf: ReadTexts,
  relation: Relation,
  tuple: Buffer,
): Promise<Record<string, string | null>> {
  if (isDocumentRelation(relation))
    return Promise.resolve(fieldTexts(fromDocumentRow(tuple).document));
  const columns = relation.columns.map((_, i) => i);
  return textsOf(relation, columns, tuple.subarray(2));
}
