import { expect, test } from 'vitest';
import type { Relation } from '../../../../../shared/change/relation.ts';
import { FIRST_POSITION } from '../../../../../shared/change/position.ts';
import type { LaneBatch } from '../../../../../shared/connector/sink.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { InsertFastPath } from './insert-fast-path.ts';
import type { WriteTarget } from '../target/write-target.ts';

const relation: Relation = {
  namespace: 'public.t',
  columns: [{ name: 'id', type: 'integer', encoding: 'binary' }],
  key: [0],
  identity: 'key',
  order: 'key',
};
const target: WriteTarget = {
  name: { schema: 'public', name: 't', namespace: 'public.t', sql: '"public"."t"' },
  losesRows: false,
  rows: 'ONLY "public"."t"',
  columns: [{ name: '"id"', type: 'integer', cast: 'integer', encoding: 'binary', insertOnly: false }], // prettier-ignore
  key: [{ column: 0, equals: '=' }],
  method: 'merge',
};
const changes = { relation, upserts: [], fresh: 7, partial: [], deletes: [] };
const at = { lane: 0, epoch: 1, readerEpoch: 1, sequence: 1, position: FIRST_POSITION };
const batch: LaneBatch = { before: at, after: at, changes: [changes], counts: new Map() };

const refusal = (sqlState: string) => new WeirError('ROW_REFUSED', 'x', { details: { sqlState } });

test('rows with new keys are copied until the table is found to hold such a key, then merged', async () => {
  const rows = new InsertFastPath();
  const tries: number[] = [];
  const write = async (): Promise<void> => {
    tries.push(rows.count(changes, target));
    if (tries.at(-1) === 7) throw refusal('23505');
  };
  await rows.write(batch, write);
  await rows.write(batch, write);
  expect(tries).toEqual([7, 0, 0]);
});

test('a row that is refused for any other reason, or when it is merged, is refused', async () => {
  const rows = new InsertFastPath();
  const refuse = (sqlState: string) => rows.write(batch, () => Promise.reject(refusal(sqlState)));
  await expect(refuse('23502')).rejects.toMatchObject({ details: { sqlState: '23502' } });
  expect(rows.count(changes, target)).toBe(7);
  await expect(refuse('23505')).rejects.toMatchObject({ details: { sqlState: '23505' } });
});

test('rows that need a cast, or whose table has further unique columns, are never copied', () => {
  const text = { ...target, columns: [{ ...target.columns[0]!, encoding: 'text' as const }] };
  expect(new InsertFastPath().count(changes, text)).toBe(0);
  expect(new InsertFastPath().count(changes, { ...target, method: 'replace' })).toBe(0);
});
