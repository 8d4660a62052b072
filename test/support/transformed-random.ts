import { randomTables } from './random-model.ts';

/** What `TRANSFORMS` makes of a `random:` source, worked out without the code that does it. */
export const TRANSFORMS = [
  { on: ['random.table_1'], drop: ['payload'] },
  { rename: { name: 'title' } },
  { set: { twice: { cel: 'row.id * 2' }, land: 'DE' } },
  { on: ['random.table_1'], filter: 'row.active && row.id % 3 != 0' },
  { on: ['random.table_2'], route: 'copies.{name}' },
  { cast: { amount: 'text' } },
];

type Row = Record<string, string | null>;

/** The rows of each table of the target after all changes of `url`, as text, by key. */
export async function transformedTables(url: string): Promise<Map<string, Map<string, Row>>> {
  const tables = await randomTables(url);
  const expected = new Map<string, Map<string, Row>>();
  for (const [namespace, target] of [
    ['random.table_1', 'random.table_1'],
    ['random.table_2', 'copies.table_2'],
  ] as const) {
    const rows = new Map<string, Row>();
    for (const [id, [, title, amount, , active, , note, payload]] of tables.get(namespace)!) {
      const first = namespace === 'random.table_1';
      if (first && (active !== 't' || Number(id) % 3 === 0)) continue;
      // As JSON writes it.
      const isActive = String(active === 't');
      const common = { id, title: title!, amount: amount!, active: isActive, note: note ?? null };
      const made = { twice: String(2 * Number(id)), land: 'DE' };
      rows.set(id, { ...common, ...(first ? {} : { payload: payload! }), ...made });
    }
    expected.set(target, rows);
  }
  return expected;
}
