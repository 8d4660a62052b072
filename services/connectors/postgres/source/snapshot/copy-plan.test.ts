import { describe, expect, it } from 'vitest';
import { FIRST_POSITION, toPosition } from '../../../../../shared/change/position.ts';
import type { PipelinePlan } from '../../../../../shared/connector/plan.ts';
import type { SourceTable } from '../../catalog/catalog.ts';
import { copySql, cutChunks, outputText, type ChunkCursor } from './chunk-plan.ts';
import { continuedPlan, needsSnapshot, newPlan } from './copy-plan.ts';

const MIB = 1024 * 1024;

function table(name: string, more: Partial<SourceTable> = {}, pages = 8192): SourceTable {
  const columns = [{ name: 'id', type: 'integer', encoding: 'binary' as const }];
  return {
    oid: 1,
    schema: 'public',
    name,
    namespace: `public.${name}`,
    kind: 'r',
    persistence: 'p',
    isPartition: false,
    replicaIdentity: 'd',
    leafIdentities: [],
    isEmpty: false,
    isOwned: true,
    denied: [],
    hiding: [],
    relation: { namespace: `public.${name}`, columns, key: [0], identity: 'key', order: 'key' },
    definition: {
      ...{ schema: 'public', name, columns: [], constraints: [], indexes: [], types: [] },
      ...{ sequences: [], partitionBy: null, partitions: [] },
    },
    columnTypes: [],
    textColumns: [],
    rowKeys: [],
    leaves: [leaf(1, name, pages)],
    leftOut: [],
    leafValues: [],
    isBinarySafe: true,
    tableSchema: {
      ...{ namespace: `public.${name}`, columns: [], key: ['id'] },
      ...{ uniques: [], indexes: [], comment: null },
    },
    identityProblem: null,
    ...more,
  };
}

function leaf(oid: number, name: string, pages: number): SourceTable['leaves'][0] {
  const sizes = { pages, bytes: pages * 8192 };
  return { oid, fileNode: oid, schema: 'public', name, leftOut: null, ...sizes };
}

const scope = { mode: 'snapshot+changes' as const, lanes: 8 };
const start = toPosition(500n, 0n);

function planOf(...tables: SourceTable[]): PipelinePlan {
  const identity = 'x';
  const encoding = 'binary';
  return newPlan({ identity, start, xmin: '77', scope, tables, encoding, serverVersion: 150_000 });
}

function interrupted(plan: PipelinePlan, done: number): PipelinePlan {
  const namespaces = plan.namespaces.map((n) => ({
    ...n,
    state: 'copying' as const,
    chunksDone: done,
    chunks: n.chunks.slice(done),
  }));
  return { ...plan, namespaces };
}

const next = (known: PipelinePlan, ...tables: SourceTable[]): PipelinePlan =>
  continuedPlan({
    ...{ known, tables, scope, encoding: 'binary', serverVersion: 150_000 },
    start: toPosition(900n, 0n),
  });

describe('cutting chunks', () => {
  it('covers every page once, the last range open-ended', () => {
    const chunks = cutChunks(table('t', {}, 5000), 10, 'load', 150_000);
    const cursors = chunks.map((chunk) => chunk.cursor as ChunkCursor);
    expect(chunks.map((chunk) => chunk.id)).toEqual([10, 11, 12]);
    expect(cursors.map((c) => [c.fromPage, c.toPage])).toEqual([
      [0, 2048],
      [2048, 4096],
      [4096, null],
    ]);
    expect(chunks[0]!.estimatedBytes).toBe(16 * MIB);
  });

  it('counts TOAST, keeps to one page at least and to 20000 chunks at most', () => {
    const heavy = table('t');
    heavy.leaves[0]!.bytes = 8192 * 32 * MIB;
    expect(cutChunks(heavy, 1, 'load', 150_000)).toHaveLength(8192);
    expect(cutChunks(table('t', {}, 100_000_000), 1, 'load', 150_000).length).toBeLessThanOrEqual(
      20_000,
    );
  });

  it('gives none for an empty table and few where ranges of ctids cost a full read', () => {
    expect(cutChunks(table('t', {}, 0), 1, 'load', 150_000)).toEqual([]);
    expect(cutChunks(table('t', {}, 200_000), 1, 'load', 130_000)).toHaveLength(8);
  });

  it('reads a chunk by explicit columns from that leaf only', () => {
    const [first, last] = cutChunks(table('we"ird', {}, 4000), 1, 'load', 150_000);
    const { relation } = table('we"ird');
    expect(copySql(relation, first!)).toBe(
      `COPY (SELECT "id" FROM ONLY "public"."we""ird" WHERE ctid < '(2048,0)') TO STDOUT (FORMAT binary)`,
    );
    expect(copySql(relation, last!)).toContain(`WHERE ctid >= '(2048,0)')`);
  });

  it.each([
    ...['integer', 'numeric(9,2)', 'text', 'character varying(3)', 'uuid', 'bytea', 'jsonb'],
    ...['date', 'time(3) with time zone', 'timestamp with time zone', 'interval(3)', 'integer[]'],
  ])('reads %s as text by a cast, which is what its output function writes', (type) => {
    expect(outputText({ name: 'c', type, encoding: 'text' })).toBe('"c"::pg_catalog.text');
  });

  it.each([
    ...['boolean', 'character(3)', 'bpchar', 'bit(3)', 'inet', 'public.mood', 'public."text"'],
    ...['xml', 'int4range', 'time_of_day', 'public.mood[]', '"char"'],
  ])('reads %s as text by its output function', (type) => {
    expect(outputText({ name: 'c', type, encoding: 'text' })).toContain(`format('%s', "c")`);
  });
});

describe('continuing a plan', () => {
  it('needs no snapshot when nothing is missing', () => {
    const known = planOf(table('t'));
    const done = interrupted(known, known.namespaces[0]!.chunks.length);
    expect(needsSnapshot(done, [table('t')], scope.mode)).toBe(false);
    expect(needsSnapshot(known, [table('t')], scope.mode)).toBe(true);
    expect(needsSnapshot(done, [table('t'), table('u')], scope.mode)).toBe(true);
    expect(needsSnapshot(done, [table('t'), table('u')], 'changes')).toBe(false);
  });

  it('merges the missing ranges and all recent rows of a keyed table, each time as new chunks', () => {
    const known = interrupted(planOf(table('t')), 1);
    const [plan] = next(known, table('t')).namespaces;
    expect(plan!.chunks.map((c) => [c.id, c.how, (c.cursor as ChunkCursor).since])).toEqual([
      [5, 'merge', null],
      [6, 'merge', null],
      [7, 'merge', null],
      [8, 'merge', '77'],
    ]);
    expect([plan!.start, plan!.settled]).toEqual([start, toPosition(900n, 0n)]);
    expect(copySql(plan!.relation, plan!.chunks[3]!)).toContain(`age(xmin) <= age('77'::xid)`);
    const again = next(interrupted(next(known, table('t')), 2), table('t')).namespaces[0]!;
    expect(again.chunks.map((c) => [c.id, (c.cursor as ChunkCursor).since])).toEqual([
      [9, null],
      [10, '77'],
    ]);
  });

  it('reads leaves as a whole that were written anew, by their names of now, and none that left the table', () => {
    const leaves = [leaf(1, 'a', 4096), leaf(2, 'b', 4096), leaf(3, 'c', 4096), leaf(4, 'd', 4096)];
    const known = interrupted(planOf(table('t', { leaves })), 1);
    const now = [
      { ...leaf(1, 'a', 2048), fileNode: 7 },
      leaf(2, 'renamed', 4096),
      { ...leaf(3, 'c', 2048), fileNode: 8 },
      leaf(5, 'attached', 2048),
    ];
    const [plan] = next(known, table('t', { leaves: now })).namespaces;
    const read = plan!.chunks.map(({ how, cursor }) => {
      const { name, fileNode, fromPage, since } = cursor as ChunkCursor;
      return [how, name, fileNode, fromPage, since];
    });
    expect(read).toEqual([
      ['merge', 'a', 7, 0, null],
      ['merge', 'renamed', 2, 0, null],
      ['merge', 'renamed', 2, 2048, null],
      ['merge', 'c', 8, 0, null],
      ['merge', 'renamed', 2, 0, '77'],
      ['merge', 'attached', 5, 0, '77'],
    ]);
    expect(new Set(plan!.chunks.map(({ id }) => id)).size).toBe(read.length);
  });

  it('reads all of a table again whose plan does not say which file its pages are of', () => {
    const known = interrupted(planOf(table('t')), 1);
    for (const chunk of known.namespaces[0]!.chunks) {
      const { schema, name, fromPage, toPage, since } = chunk.cursor as ChunkCursor;
      chunk.cursor = { schema, name, fromPage, toPage, since };
    }
    const [plan] = next(known, table('t')).namespaces;
    expect(plan!.chunks.map(({ cursor }) => (cursor as ChunkCursor).fromPage)).toEqual([
      0, 2048, 4096, 6144,
    ]);
  });

  it('starts again where no chunk is in, or where the table has another shape by now', () => {
    const anew = {
      state: 'restart',
      start: toPosition(900n, 0n),
      settled: toPosition(900n, 0n),
      chunksDone: 0,
    };
    const wider = table('t');
    const columns = [
      ...wider.relation.columns,
      { name: 'v', type: 'text', encoding: 'binary' as const },
    ];
    wider.relation = { ...wider.relation, columns };
    for (const [done, now] of [
      [0, table('t')],
      [1, wider],
    ] as const) {
      const [plan] = next(interrupted(planOf(table('t')), done), now).namespaces;
      expect(plan).toMatchObject({ ...anew, relation: { columns: now.relation.columns } });
      expect(plan!.chunks.map((c) => [c.id, c.how])).toEqual(
        [5, 6, 7, 8].map((id) => [id, 'load']),
      );
    }
  });

  it('starts a table without a key again, at the new start and with new ids', () => {
    const bag = table('bag');
    bag.relation = { ...bag.relation, identity: 'row', key: [] };
    const [plan] = next(interrupted(planOf(bag), 2), bag).namespaces;
    expect(plan).toMatchObject({ state: 'restart', start: toPosition(900n, 0n), chunksDone: 0 });
    expect(plan!.chunks.map((c) => [c.id, c.how])).toEqual([5, 6, 7, 8].map((id) => [id, 'load']));
  });

  it('takes in new tables, lets go of those that are gone, and keeps the shape of what is ready', () => {
    const known = interrupted(planOf(table('t'), table('gone')), 4);
    const wider = table('t');
    wider.relation = {
      ...wider.relation,
      columns: [...wider.relation.columns, { name: 'v', type: 'text', encoding: 'binary' }],
    };
    const plan = next(known, wider, table('new'));
    expect(plan.namespaces.map((n) => [n.relation.namespace, n.start])).toEqual([
      ['public.t', start],
      ['public.new', toPosition(900n, 0n)],
    ]);
    expect(plan.namespaces[0]!.relation.columns).toHaveLength(1);
    expect(plan.start > FIRST_POSITION).toBe(true);
  });

  it('describes the values of known and of new tables as the stream sends them, not as the copy does', () => {
    const known = planOf(table('t'));
    const options = { scope, start, encoding: 'text', serverVersion: 130_000 } as const;
    const plans = [
      newPlan({ ...options, identity: 'x', xmin: '77', tables: [table('t')] }),
      continuedPlan({ ...options, known, tables: [table('t'), table('new')] }),
    ];
    const encodings = plans.flatMap((plan) =>
      plan.namespaces.map((n) => n.relation.columns[0]!.encoding),
    );
    expect(encodings).toEqual(['text', 'text', 'text']);
    expect(plans[0]!.namespaces[0]!.chunks[0]!.dataType).toBe('postgres.copy.binary');
  });

  it('stops where a column went before its copy was finished', () => {
    const narrower = table('t');
    narrower.relation = { ...narrower.relation, columns: [] };
    expect(() => next(interrupted(planOf(table('t')), 1), narrower)).toThrow(
      /Column id .* dropped/,
    );
  });
});
