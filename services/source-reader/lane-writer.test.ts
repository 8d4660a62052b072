import { expect, it } from 'vitest';
import { decodeFrame, type Frame } from '../../shared/change/frame.ts';
import { FIRST_POSITION, toPosition } from '../../shared/change/position.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { LanePublisher } from '../../shared/hub/lane-publisher.ts';
import { LaneWriter } from './lane-writer.ts';

const relation: Relation = {
  namespace: 'public.t',
  columns: [],
  key: [],
  identity: 'key',
  order: 'key',
};
const position = (high: number, low: number) => toPosition(BigInt(high), BigInt(low));
const at = (high: number, low: number) => Buffer.from(position(high, low), 'hex');

function writing() {
  const sent: Frame[] = [];
  const send = (bytes: Uint8Array) => void sent.push(decodeFrame(Buffer.from(bytes)));
  const publisher = {
    send,
    ready: () => undefined,
    inFlight: 0,
    maxRowBytes: 8 << 20,
  } as unknown as LanePublisher;
  const lane = new LaneWriter(0, publisher, 1, FIRST_POSITION, true);
  const append = (high: number, low: number, bytes = 10) =>
    lane.append('insert', relation, at(high, low), Buffer.from('k'), Buffer.alloc(bytes), false);
  const told = () => sent.slice(1).map(({ kind, open, last }) => ({ kind, open, last }));
  return { lane, append, told };
}

it('a frame that ends inside a transaction says so, and the end of the transaction always comes', () => {
  const { lane, append, told } = writing();
  append(5, 1);
  lane.flush(FIRST_POSITION, 1);
  lane.commit(at(6, 0), 1);
  append(7, 1);
  lane.flush(position(6, 0), 1);
  append(7, 2);
  lane.commit(at(8, 0), 1);
  expect(told()).toEqual([
    { kind: 'changes', open: true, last: position(5, 1) },
    { kind: 'watermark', open: false, last: position(6, 0) },
    { kind: 'changes', open: true, last: position(7, 1) },
    { kind: 'changes', open: false, last: position(8, 0) },
  ]);
});

it('a barrier is inside its transaction', () => {
  const { lane, told } = writing();
  lane.barrier(position(5, 1), 1, {
    kind: 'truncate',
    relations: [relation],
    cascade: false,
    restartIdentity: false,
  });
  lane.commit(at(6, 0), 1);
  expect(told().map(({ kind, open }) => [kind, open])).toEqual([
    ['barrier', true],
    ['watermark', false],
  ]);
});

it('the end of an earlier transaction, read again, is not taken for the end of the open one', () => {
  const { lane, append, told } = writing();
  append(9, 1);
  lane.commit(at(7, 0), 1);
  lane.flush(position(7, 0), 1);
  expect(told().at(-1)).toMatchObject({ open: true });
});

it('under load frames end with a transaction, so that the target can commit', () => {
  const { lane, append, told } = writing();
  for (let n = 1; n <= 40; n++) {
    append(2 * n, 1, 20_000);
    if (lane.isFull) lane.flush(position(2 * n, 0), 1);
    lane.commit(at(2 * n + 1, 0), 1);
  }
  expect(told().length).toBeGreaterThan(3);
  expect(told().every(({ open }) => open === false)).toBe(true);
});

it('a row that is larger than a lane carries is refused, also where it moves, and nothing of it is sent', () => {
  const { lane, append, told } = writing();
  append(5, 1, 1_000_000);
  expect(() => append(5, 2, 8 << 20)).toThrow(/a row of public.t .* carries rows of up to 8 MiB/);
  const move = { key: '', row: Buffer.alloc(8 << 20).toString('base64') };
  expect(() => lane.barrier(position(5, 3), 1, { kind: 'move', relation, moves: [move] })).toThrow(
    /a row of public.t .* WEIR_LANE_MIB/,
  );
  lane.flush(FIRST_POSITION, 1);
  expect(told()).toEqual([{ kind: 'changes', open: true, last: position(5, 1) }]);
});
