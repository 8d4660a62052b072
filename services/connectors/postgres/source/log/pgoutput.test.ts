import { describe, expect, it } from 'vitest';
import {
  FIRST_POSITION,
  readPosition,
  type Position,
} from '../../../../../shared/change/position.ts';
import type { Relation } from '../../../../../shared/change/relation.ts';
import { keyOf, toTuple } from '../../../../../shared/change/tuple.ts';
import type { ChangeReceiver } from '../../../../../shared/connector/source.ts';
import type { MovedRow } from '../../../../../shared/change/barrier.ts';
import { PgOutputDecoder, type ResolvedRelation } from './pgoutput.ts';

type Value = string | null | undefined;

const u8 = (n: number): Buffer => Buffer.from([n]);
const u16 = (n: number): Buffer => Buffer.from([n >> 8, n & 255]);
function u32(n: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(n | 0);
  return bytes;
}
const text = (value: string): Buffer => Buffer.from(value);
const zero = (value: string): Buffer => Buffer.from(`${value}\0`);

function tupleData(values: Value[]): Buffer {
  const parts = values.map((value) => {
    if (value === undefined) return text('u');
    if (value === null) return text('n');
    return Buffer.concat([text('t'), u32(Buffer.byteLength(value)), text(value)]);
  });
  return Buffer.concat([u16(values.length), ...parts]);
}

const lsn = (low: number): Buffer => Buffer.concat([u32(0), u32(low)]);
const begin = (at: number): Buffer => Buffer.concat([text('B'), lsn(at), lsn(0), u32(1)]);
const commit = (at: number, end: number): Buffer =>
  Buffer.concat([text('C'), u8(0), lsn(at), lsn(end), lsn(2_000)]);
const insert = (row: Value[]): Buffer =>
  Buffer.concat([text('I'), u32(7), text('N'), tupleData(row)]);
function update(row: Value[], kind?: 'K' | 'O', old: Value[] = []): Buffer {
  const before = kind === undefined ? [] : [text(kind), tupleData(old)];
  return Buffer.concat([text('U'), u32(7), ...before, text('N'), tupleData(row)]);
}
const remove = (kind: 'K' | 'O', old: Value[]): Buffer =>
  Buffer.concat([text('D'), u32(7), text(kind), tupleData(old)]);
const truncate = Buffer.concat([text('T'), u32(1), u8(3), u32(7)]);
const announce = Buffer.concat([
  ...[text('R'), u32(7), zero('public'), zero('t'), text('d'), u16(3)],
  ...['a', 'b', 'c'].flatMap((name) => [u8(0), zero(name), u32(25), u32(-1)]),
]);

function relationOf(identity: Relation['identity'], key: number[]): Relation {
  const columns = ['a', 'b', 'c'].map((name) => ({
    name,
    type: 'text',
    encoding: 'text' as const,
  }));
  return { namespace: 'public.t', columns, key, identity, order: 'key' };
}

interface Run {
  relation?: Relation;
  /** Where the lane stands that is furthest ahead. */
  reached?: Position;
  /** Instead of giving `relation` at all times. */
  resolve?: (replaying: boolean) => ResolvedRelation;
  from?: Position;
  copiedUpTo?: Position;
  messages: [number, Buffer][];
}

async function decode(run: Run): Promise<unknown[][]> {
  const { relation, from, copiedUpTo, messages, reached } = run;
  const resolved = { relation: relation ?? relationOf('key', [0]), barrier: null };
  const events: unknown[][] = [];
  const hex = (bytes: Buffer): string => bytes.toString('hex');
  const receiver: ChangeReceiver = {
    change: (kind, _, position, key, row, partial) =>
      void events.push([kind, short(position), hex(key), hex(row), partial]),
    barrier: (position, barrier) => void events.push([barrier.kind, short(position), barrier]),
    commit: (position, timeMs) => void events.push(['commit', short(position), timeMs]),
    watermark: (position) => void events.push(['watermark', short(position)]),
    ready: () => undefined,
    ...(reached !== undefined && { reached }),
  };
  const decoder = new PgOutputDecoder({
    receiver,
    resolver: {
      due: null,
      copiedUpTo: () => copiedUpTo ?? null,
      resolve: async (_, { replaying }) => run.resolve?.(replaying) ?? resolved,
    },
    from: from ?? FIRST_POSITION,
    binary: false,
  });
  for (const [at, message] of messages) {
    const padded = Buffer.concat([Buffer.alloc(3), message]);
    await decoder.handle(padded, 3, padded.length, 0, at);
  }
  return events;
}

/** Commit LSN, LSN of the record, place in it. */
function short(position: Buffer): string {
  const all = BigInt(`0x${readPosition(position, 0)}`);
  const low = all & 0xffffffffffffffffn;
  return [all >> 64n, low >> 13n, low & 0x1fffn].join('/');
}

const row = (...values: Value[]): string => toTuple(values).toString('hex');
const key = (columns: number[], ...values: Value[]): string =>
  keyOf(toTuple(values), columns).toString('hex');

describe('PgOutputDecoder', () => {
  it('gives inserts, updates and deletes with rows, keys and positions', async () => {
    const events = await decode({
      messages: [
        [8, begin(80)],
        [0, announce],
        [16, insert(['1', null, 'é'])],
        [16, insert(['2', '', 'y'.repeat(100)])],
        [24, update(['1', 'b', undefined])],
        [32, remove('K', ['2', null, null])],
        [40, commit(80, 96)],
      ],
    });
    expect(events).toEqual([
      ['insert', '80/16/16', key([0], '1', null, 'é'), row('1', null, 'é'), false],
      ['insert', '80/16/17', key([0], '2'), row('2', '', 'y'.repeat(100)), false],
      ['update', '80/24/16', key([0], '1'), row('1', 'b', undefined), true],
      ['delete', '80/32/16', key([0], '2'), '', false],
      ['commit', '96/0/0', 946_684_800_002],
    ]);
  });

  it('makes a changed key a delete and an insert, or a move where values are unchanged', async () => {
    const events = await decode({
      relation: relationOf('key', [0, 2]),
      messages: [
        [8, begin(80)],
        [0, announce],
        [16, update(['2', 'b', 'c'], 'K', ['1', null, 'c'])],
        [24, update(['3', undefined, undefined], 'K', ['2', null, 'c'])],
        [32, update(['3', 'b', undefined], 'K', ['3', null, 'c'])],
      ],
    });
    expect(events.slice(0, 2)).toEqual([
      ['delete', '80/16/16', key([0, 2], '1', null, 'c'), '', false],
      ['insert', '80/16/17', key([0, 2], '2', 'b', 'c'), row('2', 'b', 'c'), false],
    ]);
    const [kind, at, barrier] = events[2]!;
    expect([kind, at]).toEqual(['move', '80/24/16']);
    const [move] = (barrier as { moves: [MovedRow] }).moves;
    expect(Buffer.from(move.key, 'base64').toString('hex')).toBe(key([0, 2], '2', null, 'c'));
    expect(Buffer.from(move.row, 'base64').toString('hex')).toBe(row('3', undefined, 'c'));
    expect(events[3]).toEqual([
      'update',
      '80/32/16',
      key([0, 2], '3', 'b', 'c'),
      row('3', 'b', 'c'),
      false,
    ]);
  });

  it('replaces whole rows where they have no key, unchanged values from the old row', async () => {
    const events = await decode({
      relation: relationOf('row', []),
      messages: [
        [8, begin(80)],
        [0, announce],
        [16, update(['2', undefined, 'c'], 'O', ['1', 'b', null])],
        [24, remove('O', ['2', 'b', 'c'])],
      ],
    });
    expect(events).toEqual([
      ['delete', '80/16/16', row('1', 'b', null), '', false],
      ['insert', '80/16/17', row('2', 'b', 'c'), row('2', 'b', 'c'), false],
      ['delete', '80/24/16', row('2', 'b', 'c'), '', false],
    ]);
  });

  it('gives a truncate as a barrier', async () => {
    const messages: [number, Buffer][] = [
      [8, begin(80)],
      [0, announce],
      [16, truncate],
    ];
    expect(await decode({ messages })).toEqual([
      [
        'truncate',
        '80/16/16',
        {
          kind: 'truncate',
          relations: [relationOf('key', [0])],
          cascade: true,
          restartIdentity: true,
        },
      ],
    ]);
  });

  it('leaves out what was given before, to the half of an update', async () => {
    const messages: [number, Buffer][] = [
      [8, begin(80)],
      [0, announce],
      [16, insert(['0', 'b', 'c'])],
      [24, update(['2', 'b', 'c'], 'K', ['1', null, null])],
      [32, insert(['3', 'b', 'c'])],
      [40, commit(80, 96)],
    ];
    const all = await decode({ messages });
    const positions = [
      '0000000000000050' + '0000000000020010',
      '0000000000000050' + '0000000000030010',
    ];
    for (const [i, position] of positions.entries()) {
      const rest = await decode({ messages, from: position as Position });
      expect(rest).toEqual(all.slice(i + 1));
    }
    const later = '00000000000000510000000000000000' as Position;
    expect(await decode({ messages, from: later })).toEqual(all.slice(-1));
  });

  it('asks for a relation again before the first change that is new to all lanes, and after it was told anew', async () => {
    const asked: boolean[] = [];
    const [before, after] = [relationOf('key', [0]), relationOf('key', [1])];
    const resolve = (replaying: boolean): ResolvedRelation => {
      const isFirst = asked.push(replaying) === 2;
      const barrier = { kind: 'relation', before, after: { relation: after, definition: null } };
      return {
        relation: replaying ? before : after,
        barrier: isFirst ? (barrier as ResolvedRelation['barrier']) : null,
      };
    };
    const events = await decode({
      reached: ('0000000000000050' + '0000000000020010') as Position,
      resolve,
      messages: [
        [8, begin(80)],
        [0, announce],
        [16, insert(['1', 'a', 'c'])],
        // The second row of the record that one lane has begun: no barrier has a place before it.
        [16, insert(['2', 'b', 'c'])],
        [24, insert(['3', 'c', 'c'])],
        [24, insert(['4', 'd', 'c'])],
        [0, announce],
        [24, insert(['5', 'e', 'c'])],
        [32, insert(['6', 'f', 'c'])],
      ],
    });
    expect(events.map(([kind, at, bytes]) => [kind, at, kind === 'insert' && bytes])).toEqual([
      ['insert', '80/16/16', key([0], '1')],
      ['insert', '80/16/17', key([0], '2')],
      ['relation', '80/24/0', false],
      ['insert', '80/24/16', key([0], 'c')],
      ['insert', '80/24/17', key([0], 'd')],
      ['insert', '80/24/18', key([0], 'e')],
      ['insert', '80/32/16', key([0], 'f')],
    ]);
    expect(asked).toEqual([true, false, false]);
  });

  it('leaves out what is in the copy of a table that came later', async () => {
    const messages: [number, Buffer][] = [
      [8, begin(80)],
      [0, announce],
      [16, insert(['0', 'b', 'c'])],
      [40, commit(80, 96)],
      [48, begin(112)],
      [56, insert(['1', 'b', 'c'])],
    ];
    const copiedUpTo = '00000000000000600000000000000000' as Position;
    const events = await decode({ messages, copiedUpTo });
    expect(events.map((event) => event.slice(0, 2))).toEqual([
      ['commit', '96/0/0'],
      ['insert', '112/56/16'],
    ]);
  });

  it('stops at values in a format that was not asked for', async () => {
    const binary = Buffer.concat([text('I'), u32(7), text('N'), u16(3), text('b'), u32(0)]);
    const messages: [number, Buffer][] = [
      [8, begin(80)],
      [0, announce],
      [16, binary],
    ];
    await expect(decode({ messages })).rejects.toMatchObject({ code: 'INTERNAL' });
  });
});
