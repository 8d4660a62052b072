import type { LogicalType } from '../../shared/schema/logical-type.ts';

/** A logical type of any kind, with whatever its kind leaves open; `random` as `createRandom` makes it. */
export function randomLogicalType(random: (below: number) => number, depth = 1): LogicalType {
  const one = <T>(...values: readonly T[]): T => values[random(values.length)]!;
  const length = (): number | null => one(null, 1, 20, 255, 65_535, 20_000_000);
  const precision = one(0, 3, 6, 9);
  const name = one('mood', 'Odd "one"', 'x); drop table y; --', 'select', 'a.b');
  const types: readonly (() => LogicalType)[] = [
    () => ({ kind: 'boolean' }),
    () => ({ kind: 'integer', bits: one(8, 16, 24, 32, 64), signed: one(true, false) }),
    () => ({ kind: 'float', bits: one(32, 64) }),
    () => ({ kind: 'decimal', precision: null, scale: null }),
    () => ({ kind: 'decimal', precision: one(1, 38, 65, 1000, 2000), scale: one(-3, 0, 1, 30) }),
    () => ({
      ...{ kind: 'string', length: length(), fixed: one(true, false) },
      comparison: one('bytes', 'padded', 'folded'),
    }),
    () => ({ kind: 'bytes', length: length(), fixed: one(true, false) }),
    () => ({ kind: 'date' }),
    () => ({ kind: 'time', precision, zone: one(true, false), duration: one(true, false) }),
    () => ({ kind: 'timestamp', precision, zone: one(true, false) }),
    () => ({ kind: 'interval' }),
    () => ({ kind: 'uuid' }),
    () => ({ kind: 'json', exact: one(true, false) }),
    () => ({ kind: 'enum', name: one(null, name), labels: [name] }),
    () => ({ kind: 'set', labels: [name] }),
    () => ({ kind: 'bits', length: length(), varying: one(true, false) }),
    () => ({ kind: 'document' }),
    () => ({ kind: 'objectId' }),
    () => ({ kind: 'geometry', shape: one(null, 'point', name), srid: one(null, 4326) }),
    () => ({ kind: 'vector', dimensions: one(null, 3) }),
    () => ({ kind: 'other', store: 'elsewhere', name }),
    () => ({ kind: 'array', element: randomLogicalType(random, depth - 1) }),
  ];
  return one(...types.slice(0, depth > 0 ? types.length : types.length - 1))();
}
