import { BSON } from 'bson';
import type { ClientBase } from 'pg';
import type { Relation } from '../../../../../shared/change/relation.ts';
import {
  columnOffsets,
  keyOf,
  NULL_LENGTH,
  UNCHANGED_LENGTH,
} from '../../../../../shared/change/tuple.ts';
import {
  fromDocumentKey,
  fromDocumentRow,
  isDocumentRelation,
} from '../../../../../shared/document/document-relation.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import type { Aside } from '../../../../../shared/state/quarantine/aside.ts';
import { toPostgresError } from '../../connection/postgres-error.ts';

type KeyedEntry = Pick<Aside, 'relation' | 'source' | 'key' | 'tuple'>;

/** Ends a pipeline at a row: what refuses it, where it is, its key, and none of its other values. */
export async function refusedRowError(client: ClientBase, entry: Aside): Promise<WeirError> {
  const { relation, reason, position, copied } = entry;
  const key = await readKey(client, entry);
  const which =
    key === null
      ? 'It is a row of a table without a key'
      : `It is the row with ${Object.entries(key)
          .map(([name, value]) => `${name} = ${value}`)
          .join(', ')}`;
  return new WeirError(
    'ROW_REFUSED',
    `${reason} ${which}, ${copied ? 'which came with the copy' : `changed at source position ${position}`}, of ${relation.namespace}. Correct what refuses it at the target, such as that constraint or type, then start the pipeline again, or set "onBadRow: park".`,
    { details: { namespace: relation.namespace, position } },
  );
}

/** Why the target refused a row, without advice and without values. */
export function reasonOf(error: WeirError): string {
  const { reason } = error.details;
  return typeof reason === 'string' ? reason : error.message;
}

/** What is refused only by the commit is a deferred constraint, of which nobody can say which row it is about. */
export function deferredError(error: unknown): WeirError {
  const found = toPostgresError(error, 'committing at the target');
  if (found.code !== 'ROW_REFUSED') return found;
  return new WeirError(
    'ROW_REFUSED',
    `${found.message} The constraint is deferred, so no single row can be found and put aside: make it NOT DEFERRABLE at the target, or correct what violates it, then start the pipeline again.`,
    { cause: found.cause, details: found.details },
  );
}

/** The key of an entry as text (of a move the key that its row gets); null where rows have none. */
export async function readKey(
  client: ClientBase,
  { relation, source, key, tuple }: KeyedEntry,
): Promise<Record<string, string> | null> {
  if (relation.identity !== 'key') return null;
  if (isDocumentRelation(relation))
    return fieldTexts(key !== null ? fromDocumentKey(key) : fromDocumentRow(tuple!).id);
  const bytes = tuple === null || source !== null ? key! : keyOf(tuple, relation.key);
  const values = await readValues(client, relation, relation.key, bytes);
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value ?? 'NULL']));
}

/** The values of a whole tuple as text. */
export function readTuple(
  client: ClientBase,
  relation: Relation,
  tuple: Buffer,
): Promise<Record<string, string | null>> {
  if (isDocumentRelation(relation))
    return Promise.resolve(fieldTexts(fromDocumentRow(tuple).document));
  return readValues(
    client,
    relation,
    relation.columns.map((_, i) => i),
    tuple.subarray(2),
  );
}

/** The fields of a document; what has no plain text is written as Extended JSON. */
function fieldTexts(document: Buffer): Record<string, string> {
  const fields = BSON.deserialize(document, { promoteValues: false, bsonRegExp: true });
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === 'string' ? value : BSON.EJSON.stringify(value),
    ]),
  );
}

/**
 * Text as the server writes it; where it cannot (a type that it does not have), the bytes in hex. Columns that are
 * unchanged are left out. Not inside a transaction, which a failure would end.
 */
async function readValues(
  client: ClientBase,
  relation: Relation,
  columns: readonly number[],
  values: Buffer,
): Promise<Record<string, string | null>> {
  const count = Buffer.alloc(2);
  count.writeUInt16BE(columns.length);
  const tuple = Buffer.concat([count, values]);
  const offsets = columnOffsets(tuple);
  const texts: Record<string, string | null> = {};
  for (const [at, index] of columns.entries()) {
    const { name, type, encoding } = relation.columns[index]!;
    const length = tuple.readInt32BE(offsets[at]!);
    if (length === UNCHANGED_LENGTH) continue;
    const bytes = tuple.subarray(offsets[at]! + 4, offsets[at + 1]);
    if (length === NULL_LENGTH) texts[name] = null;
    else if (encoding === 'text') texts[name] = bytes.toString();
    else texts[name] = await toText(client, type, bytes);
  }
  return texts;
}

/** A Buffer travels as a binary parameter, so the server reads it as what the cast says. */
async function toText(client: ClientBase, type: string, bytes: Buffer): Promise<string> {
  try {
    const { rows } = await client.query<{ text: string }>(`SELECT ($1::${type})::text AS text`, [
      bytes,
    ]);
    return rows[0]!.text;
  } catch (error) {
    if (!(error instanceof Error && 'severity' in error)) throw error;
    return `\\x${bytes.toString('hex')}`;
  }
}
