import type { ClientBase } from 'pg';
import type { WriteTarget } from './write-target.ts';

/** A key as people read it, e.g. `id = 7`. */
export async function describeKey(
  client: ClientBase,
  target: WriteTarget,
  key: Buffer,
): Promise<string> {
  const values: (Buffer | string)[] = [];
  let at = 0;
  for (const { column } of target.key) {
    const length = key.readInt32BE(at);
    const value = key.subarray(at + 4, at + 4 + Math.max(0, length));
    at += 4 + value.length;
    values.push(target.columns[column]!.encoding === 'binary' ? value : value.toString());
  }
  if (values.length === 0) return 'without a key';
  // What is a buffer travels as a binary value of the type that it is cast from.
  const texts = target.key.map(
    ({ column }, i) => `$${i + 1}::${target.columns[column]!.type}::text`,
  );
  const { rows } = await client.query<Record<string, string>>({
    text: `SELECT ${texts.map((text, i) => `${text} AS k${i}`).join(', ')}`,
    values,
  });
  return target.key
    .map(({ column }, i) => `${target.columns[column]!.name} = ${rows[0]?.[`k${i}`] ?? ''}`)
    .join(', ');
}
