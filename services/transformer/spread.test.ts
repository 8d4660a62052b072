import { expect, it } from 'vitest';
import { RecordCursor, writeRecord } from '../../shared/change/change-record.ts';
import { decodeFrame, encodeFrame, type FrameHead } from '../../shared/change/frame.ts';
import type { RelationBarrier } from '../../shared/change/barrier.ts';
import type { FrameBody } from '../../shared/change/frame-body.ts';
import { FIRST_POSITION, toPosition } from '../../shared/change/position.ts';
import type { Relation } from '../../shared/change/relation.ts';
import { keyOf, toTuple } from '../../shared/change/tuple.ts';
import { TUPLES } from '../../shared/connector/data-type.ts';
import type { PipelinePlan } from '../../shared/connector/plan.ts';
import type { ChangeKind } from '../../shared/change/change-kind.ts';
import { transformBarrier } from './barrier-transform.ts';
import { Chains } from './chains.ts';
import { transformChanges } from './change-transform.ts';
import { transformChunk } from './chunk-transform.ts';
import { createPlanShape } from './plan-shape.ts';
import { readTransforms } from './read-transforms.ts';
import { createNamespaceMap } from './routes.ts';

const source: Relation = {
  namespace: 'a.t',
  columns: ['id', 'n'].map((name) => ({ name, type: 'bigint', encoding: 'text' })),
  key: [0],
  identity: 'key',
  order: 'key',
};
const PARITY = { route: { cel: "row.n % 2 == 0 ? 'b.even' : 'b.odd'", to: ['b.even', 'b.odd'] } };
const BY_KEY = { route: { cel: "row.id < 10 ? 'b.low' : 'b.high'", to: ['b.low', 'b.high'] } };
const stepsOf = (...steps: object[]) => {
  const { steps: read, problems } = readTransforms(steps);
  expect(problems).toEqual([]);
  return read;
};
const chainsOf = (...steps: object[]) => new Chains(stepsOf(...steps), { env: {} });

function frameOf(kind: FrameHead['kind'], body: FrameBody, payload: Buffer = Buffer.alloc(0)) {
  const head = { kind, lane: 0, readerEpoch: 1, sequence: 1, count: 0, sourceTimeMs: 0 };
  const places = { first: FIRST_POSITION, last: FIRST_POSITION };
  return decodeFrame(encodeFrame({ ...head, ...places, body }, payload).bytes);
}

/** What the transformer makes of changes: kind, part, key, whether it counts. */
async function changed(chains: Chains, ...changes: [ChangeKind, string, (string | undefined)?][]) {
  const records = changes.map(([kind, id, n], nth) => {
    const row = kind === 'delete' ? Buffer.alloc(0) : toTuple([id, n]);
    const record = Buffer.alloc(200);
    const at = Buffer.from(toPosition(1n, BigInt(nth)), 'hex');
    const key = keyOf(toTuple([id]), [0]);
    const end = writeRecord(record, 0, kind, 0, at, key, row, n === undefined);
    return record.subarray(0, end);
  });
  const frame = frameOf('changes', { relations: [source] }, Buffer.concat(records));
  const made = decodeFrame((await transformChanges(frame, chains)).bytes);
  const found: unknown[] = [];
  for (const record = new RecordCursor(made.payload); record.advance();)
    found.push(
      [record.kind, made.body.relations![record.relation]!.namespace, record.key.toString('latin1', 4)]
        .concat(record.uncounted ? ['uncounted'] : []).concat(record.filtered ? ['filtered'] : []).join(' '), // prettier-ignore
    );
  return found;
}

it('a row that an update sends elsewhere goes from where it may be, and each change counts once', async () => {
  const made = await changed(
    chainsOf(PARITY),
    ['insert', '1', '2'],
    ['update', '1', '3'],
    ['delete', '1'],
  );
  expect(made).toEqual([
    'insert a.t 1',
    'delete a.t 1 uncounted',
    'update a.t > b.odd 1',
    'delete a.t > b.odd 1 uncounted',
    'delete a.t 1',
  ]);
});

it('a row whose key says where it goes is nowhere else', async () => {
  const made = await changed(chainsOf(BY_KEY), ['update', '7', undefined], ['delete', '70']);
  expect(made).toEqual(['update a.t 7', 'delete a.t > b.high 70']);
});

it('a row that a filter takes out goes from everywhere', async () => {
  const made = await changed(chainsOf({ filter: 'row.n > 0' }, PARITY), ['update', '1', '0']);
  expect(made).toEqual(['update a.t 1 filtered', 'delete a.t > b.odd 1 uncounted']);
});

it('an update must bring what says where its row goes, and a row may go only where the step says', async () => {
  await expect(changed(chainsOf(PARITY), ['update', '1', undefined])).rejects.toThrow(
    /whose value did not come/,
  );
  const wrong = { route: { cel: "'b.' + string(row.n)", to: ['b.1', 'b.2'] } };
  await expect(changed(chainsOf(wrong), ['insert', '1', '3'])).rejects.toThrow(
    /"to" does not list/,
  );
});

it('rows of a chunk say where they go', async () => {
  const chunk = { id: 1, namespace: 'a.t', how: 'load', dataType: TUPLES, rows: 2 } as const;
  const payload = Buffer.concat([toTuple(['1', '2']), toTuple(['2', '3'])]);
  const frame = frameOf('chunk', { chunk: { ...chunk, relation: source } }, payload);
  const made = decodeFrame((await transformChunk(frame, chainsOf(PARITY))).bytes);
  expect(made.payload).toEqual(
    Buffer.concat([toTuple(['1', '2', 'a.t']), toTuple(['2', '3', 'a.t > b.odd'])]),
  );
});

it('a truncate empties all of them, and a change of structure is refused unless it stays out', async () => {
  const relations = [source];
  const truncate = { kind: 'truncate', relations, cascade: false, restartIdentity: false } as const;
  const made = await transformBarrier(frameOf('barrier', {}), truncate, chainsOf(PARITY));
  expect(decodeFrame(made).body.barrier).toMatchObject({
    relations: [{ namespace: 'a.t' }, { namespace: 'a.t > b.odd' }],
  });
  const columns = [...source.columns, { name: 'more', type: 'text', encoding: 'text' as const }];
  const after = { relation: { ...source, columns }, definition: null };
  const change = { kind: 'relation', before: source, after } as const;
  await expect(
    transformBarrier(frameOf('barrier', {}), change, chainsOf(PARITY)),
  ).rejects.toMatchObject({ code: 'SCHEMA_CHANGED' });
  await transformBarrier(frameOf('barrier', {}), change, chainsOf({ keep: ['id', 'n'] }, PARITY));
});

it('what older rows have in a column that came is not known behind steps', async () => {
  const columns = [...source.columns, { name: 'more', type: 'text', encoding: 'text' as const }];
  const after = { relation: { ...source, columns }, definition: null };
  const filled = [{ column: 'more', value: 'x' }];
  const through = async (...steps: object[]): Promise<unknown> => {
    const change = { kind: 'relation', before: source, after, filled } as const;
    const made = await transformBarrier(frameOf('barrier', {}), change, chainsOf(...steps));
    return (decodeFrame(made).body.barrier as RelationBarrier).filled;
  };
  expect(await through()).toEqual(filled);
  expect(await through({ rename: { n: 'm' } })).toEqual([{ column: 'more', value: null }]);
  expect(await through({ keep: ['id', 'n'] })).toBeUndefined();
});

it('the plan has each of them, the chunks with the first, and gives the source back as it was', () => {
  const namespace = { relation: source, definition: null, state: 'new', chunks: [{ id: 1 }] };
  const plan = { namespaces: [namespace] } as unknown as PipelinePlan;
  const shape = createPlanShape(chainsOf(PARITY));
  const planned = shape.toTarget(plan);
  expect(
    planned.namespaces.map(({ relation, chunks }) => [relation.namespace, chunks.length]),
  ).toEqual([
    ['a.t', 1],
    ['a.t > b.odd', 0],
  ]);
  expect(shape.toSource(planned).namespaces).toMatchObject([namespace]);
  const other = { route: { ...PARITY.route, to: ['b.even', 'b.odd', 'b.more'] } };
  expect(() => createPlanShape(chainsOf(other)).toSource(planned)).toThrow(/weir reset/);
  const names = createNamespaceMap({ 'a.u': 'b.u' }, stepsOf({ ...PARITY, on: ['a.t'] }));
  expect([names['a.t'], names['a.t > b.odd'], names['a.u']]).toEqual(['b.even', 'b.odd', 'b.u']);
});

it.each([
  [{ route: { cel: 'row.x' } }, /one by one.*say with "to"/],
  [{ ...source, identity: 'row', key: [] }, /needs a key/],
])('a step that cannot send rows one by one says why', (given, reason) => {
  const relation = 'identity' in given ? (given as Relation) : source;
  expect(() => chainsOf('route' in given ? given : PARITY).chainFor(relation)).toThrow(reason);
  expect(() => chainsOf(PARITY, BY_KEY).chainFor(source)).toThrow(/earlier step sends/);
});
