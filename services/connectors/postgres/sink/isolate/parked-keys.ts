import type { Relation } from '../../../../../shared/change/relation.ts';
import { toTuple } from '../../../../../shared/change/tuple.ts';
import { attemptScript, emptyStaging } from './attempt-script.ts';
import { toCopyMessages } from '../../connection/copy-in.ts';
import {
  keyColumns,
  keyOfUnit,
  toChain,
  type Unit,
} from '../../../../../shared/state/quarantine/change-unit.ts';
import { toKeyRows } from '../session/tuple-rows.ts';
import type { WriteTarget } from '../target/write-target.ts';
import type { WriterSession } from '../session/writer-session.ts';

/**
 * The chains of units, in an open transaction; null for rows that stand alone. Chains are named by the keys' text,
 * because the same key may come in binary with the copy and as text with its changes.
 */
export async function readChains(
  session: WriterSession,
  target: WriteTarget,
  relation: Relation,
  units: readonly Unit[],
): Promise<(Buffer | null)[]> {
  if (relation.identity === 'none') return units.map(() => null);
  const keys = units.map((unit) => {
    const key = keyOfUnit(relation, unit)!;
    // A whole row without the count of its columns.
    return relation.identity === 'row' ? key.subarray(2) : key;
  });
  return readKeyChains(session, target, relation, keys);
}

/** The same for bare keys. */
export async function readKeyChains(
  session: WriterSession,
  target: WriteTarget,
  relation: Relation,
  keys: readonly Buffer[],
): Promise<Buffer[]> {
  const isText = keyColumns(relation).every(({ encoding }) => encoding === 'text');
  const texts =
    isText || relation.looseKey === true ? keys : await readTexts(session, target, relation, keys);
  return texts.map((text) => toChain(relation, text));
}

/** Keys as text, written by the server; one that it cannot read stays as it is. */
async function readTexts(
  session: WriterSession,
  target: WriteTarget,
  relation: Relation,
  keys: readonly Buffer[],
): Promise<readonly Buffer[]> {
  if (keys.length === 0) return [];
  const sql = session.staging.statementsOf(target);
  const columns = keyColumns(relation).length;
  const letter = relation.identity === 'row' ? 'c' : 'k';
  const names = Array.from({ length: columns }, (_, i) => `${letter}${i}::text`).join(', ');
  const messages = toCopyMessages(toKeyRows(keys, columns));
  const error = await attemptScript(session, [
    ...emptyStaging(session, target),
    { sql: sql.copy('deletes'), copy: { messages, whole: true }, namespace: target.name.namespace },
  ]);
  if (error === null) {
    const { rows } = await session.client.query<(string | null)[]>({
      text: `SELECT ${names} FROM ${sql.tables[2]} ORDER BY ctid`,
      rowMode: 'array',
    });
    return rows.map((row) => toTuple(row).subarray(2));
  }
  if (keys.length === 1) return keys;
  const middle = keys.length >> 1;
  const left = await readTexts(session, target, relation, keys.slice(0, middle));
  return [...left, ...(await readTexts(session, target, relation, keys.slice(middle)))];
}
