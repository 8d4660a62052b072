import { describe, expect, it } from 'vitest';
import { type Position, readPosition } from '../../../shared/change/position.ts';
import { columnOffsets } from '../../../shared/change/tuple.ts';
import type { PipelinePlan } from '../../../shared/connector/plan.ts';
import type { ChangeReceiver, Source, SourceScope } from '../../../shared/connector/source.ts';
import { RowCodec } from '../../../shared/row/canonical/row-codec.ts';
import { ChangeLog } from './change-log.ts';
import { createRandomRowReader } from './row-reader.ts';
import { parseRandomUrl } from './settings.ts';
import { createRandomSource } from './source.ts';

const scope: SourceScope = { mode: 'snapshot+changes', namespaces: undefined, lanes: 4 };
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined };
const open = (url: string): Source => createRandomSource({ pipeline: 'test', url, log });
const URL_SMALL =
  'random:?seed=7&namespaces=2&rows=500&chunk=120&changes=4000&transaction=5&mix=2:5:2';

async function copy(url: string, known: PipelinePlan | null = null): Promise<Buffer[]> {
  const session = await open(url).open(scope, known, new AbortController().signal);
  const chunks: Buffer[] = [];
  for (const chunk of session.plan.namespaces.flatMap((each) => each.chunks)) {
    const parts: Buffer[] = [];
    const receive = (bytes: Buffer): void => void parts.push(Buffer.from(bytes));
    const { rows } = await session.listData(chunk, receive, new AbortController().signal);
    const bytes = Buffer.concat(parts);
    expect(rowsIn(bytes)).toHaveLength(rows);
    chunks.push(bytes);
  }
  return chunks;
}

function rowsIn(bytes: Buffer): Buffer[] {
  const rows: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = columnOffsets(bytes, at).at(-1)!;
    rows.push(bytes.subarray(at, end));
    at = end;
  }
  return rows;
}

interface Change {
  at: Position;
  text: string;
  kind: string;
  namespace: string;
  key: string;
}

/** Changes after `from`, until there are `most` or the head is reached. */
async function follow(url: string, from: Position | null, most = Infinity): Promise<Change[]> {
  const session = await open(url).open(scope, null, new AbortController().signal);
  const head = (await session.head())!;
  const stop = new AbortController();
  const changes: Change[] = [];
  const end = (position: Buffer): void => {
    if (readPosition(position, 0) >= head) stop.abort();
  };
  const receiver: ChangeReceiver = {
    change(kind, relation, position, key, row) {
      const at = readPosition(position, 0);
      if ((from !== null && at <= from) || changes.length >= most) return;
      const text = `${kind} ${at} ${key.toString('hex')} ${row.toString('hex')}`;
      const { namespace } = relation;
      changes.push({ at, text, kind, namespace, key: key.toString('utf8', 4) });
      if (changes.length >= most) stop.abort();
    },
    barrier: () => expect.unreachable(),
    commit: end,
    watermark: end,
    ready: () => undefined,
  };
  await session.streamUpdates(from ?? session.plan.start, receiver, stop.signal);
  return changes;
}

describe('a random: source', () => {
  it('gives the same rows for the same seed, and others for another', async () => {
    const once = await copy(URL_SMALL);
    expect(await copy(URL_SMALL)).toEqual(once);
    expect(await copy(URL_SMALL.replace('seed=7', 'seed=8'))).not.toEqual(once);
    expect(rowsIn(Buffer.concat(once))).toHaveLength(1000);
  });

  it('gives the same changes for the same seed, wherever the reading begins again', async () => {
    const whole = (await follow(URL_SMALL, null)).map(({ text }) => text);
    expect(whole).toHaveLength(4000);
    const pieces: Change[] = [];
    while (pieces.length < 4000)
      pieces.push(...(await follow(URL_SMALL, pieces.at(-1)?.at ?? null, 777)));
    expect(pieces.map(({ text }) => text)).toEqual(whole);
    expect([...whole].sort()).not.toEqual(
      (await follow(URL_SMALL.replace('seed=7', 'seed=8'), null)).map(({ text }) => text).sort(),
    );
  });

  it('changes and deletes only rows that are there, inserts only new ones, in the mix that was asked for', async () => {
    const there = new Set<string>();
    for (const table of ['random.table_1', 'random.table_2'])
      for (let key = 1; key <= 500; key++) there.add(`${table} ${key}`);
    const kinds: Record<string, number> = {};
    for (const { kind, namespace, key } of await follow(URL_SMALL, null)) {
      const row = `${namespace} ${key}`;
      expect(there.has(row), `${kind} of ${row}`).toBe(kind !== 'insert');
      if (kind === 'insert') there.add(row);
      if (kind === 'delete') there.delete(row);
      kinds[kind] = (kinds[kind] ?? 0) + 1;
    }
    for (const [kind, share] of [
      ['insert', 2 / 9],
      ['update', 5 / 9],
      ['delete', 2 / 9],
    ] as const)
      expect(Math.abs(kinds[kind]! / 4000 - share)).toBeLessThan(0.01);
  });

  it('goes on with the plan it is given, and refuses one of other data', async () => {
    const { plan } = await open(URL_SMALL).open(scope, null, new AbortController().signal);
    const more = `${URL_SMALL.replace('changes=4000', 'changes=8000')}&rate=100`;
    expect((await open(more).open(scope, plan, new AbortController().signal)).plan).toEqual(plan);
    const other = open(URL_SMALL.replace('seed=7', 'seed=8'));
    await expect(other.open(scope, plan, new AbortController().signal)).rejects.toThrow(
      /was made with random:\?seed=7/,
    );
  });

  it('has rows of about the size that was asked for', async () => {
    const rows = rowsIn(Buffer.concat(await copy('random:?rows=400&size=2000')));
    const mean = rows.reduce((sum, row) => sum + row.length, 0) / rows.length;
    expect(mean).toBeGreaterThan(1800);
    expect(mean).toBeLessThan(2200);
  });

  it('carries only the namespaces that are asked for, with the same changes as ever', async () => {
    const second = { ...scope, namespaces: ['*_2'] };
    const check = await open(URL_SMALL).check(second);
    expect(check.relations.map(({ relation }) => relation.namespace)).toEqual(['random.table_2']);
    const none = await open(URL_SMALL).check({ ...scope, namespaces: ['x'] });
    expect(none.findings[0]?.message).toContain('random.table_1 to random.table_2');
  });
});

describe('a random: log', () => {
  it('grows by the clock, up to its end', () => {
    const settings = parseRandomUrl('random:?rate=100&transaction=10&changes=60');
    const changes = new ChangeLog(settings, 1_000);
    expect(
      [0, 1_000, 1_099, 1_100, 1_599, 1_600, 90_000].map((at) => changes.lastTransaction(at)),
    ).toEqual([0, 0, 0, 1, 5, 6, 6]);
  });
});

describe('a random: URL', () => {
  it.each([
    ['random:?row=5', /row is not known; did you mean rows\?/],
    ['random:?rows=-1&size=x', /size must be .*; rows must be/],
    ['random:?mix=1:2', /mix must be inserts:updates:deletes/],
    ['random:?changes=15&transaction=10', /multiple of transaction/],
    ['random://host?rows=1', /nothing between random: and \?/],
    ['random:?seed=1&seed=2', /seed is given twice/],
    ['random:?rows=0&changes=10&mix=1:1:5', /without rows/],
    ['random:?rows=1000&changes=10000&mix=1:0:2', /without rows/],
    ['random:?rows=1000&rate=5&mix=1:0:2', /without rows/],
  ])('%s is refused with what to write instead', (url, message) => {
    expect(() => open(url)).toThrow(message);
  });

  it('may have more deletes than inserts as long as there are rows', () => {
    expect(() => open('random:?rows=5000&changes=10000&mix=1:0:2')).not.toThrow();
  });
});

it('gives every value in its canonical form', async () => {
  const { plan } = await open(URL_SMALL).open(scope, null, new AbortController().signal);
  const { relation } = plan.namespaces[0]!;
  const codec = new RowCodec(relation);
  for (const row of (await copy(URL_SMALL)).flatMap(rowsIn)) {
    const offsets = columnOffsets(row);
    const texts = relation.columns.map((_, i) =>
      row.readInt32BE(offsets[i]!) < 0
        ? null
        : row.toString('utf8', offsets[i]! + 4, offsets[i + 1]),
    );
    expect(codec.write(texts)).toEqual(row);
  }
});

it.each([
  ['snapshot', 0, 0],
  ['snapshot+changes', 0, 4000],
  ['snapshot+changes', 1e12, 0],
] as const)(
  'has by now the rows of its copy and changes: mode %s, made at %d',
  async (mode, madeAtMs, count) => {
    const url = `${URL_SMALL}&rate=1000`;
    const readPlan = () =>
      Promise.resolve({
        snapshot: { madeAtMs: madeAtMs === 0 ? 0 : Date.now() + madeAtMs },
      } as PipelinePlan);
    const reader = createRandomRowReader({ pipeline: 'test', url, log, mode, readPlan });
    const expected = new Map<string, string>();
    const hex = (row: Buffer): string => row.toString('hex');
    for (const row of (await copy(URL_SMALL)).flatMap(rowsIn).filter((_, i) => i < 500))
      expected.set(row.toString('utf8', 6, 6 + row.readInt32BE(2)), hex(row));
    for (const change of (await follow(URL_SMALL, null)).slice(0, count)) {
      if (change.namespace !== 'random.table_1') continue;
      if (change.kind === 'delete') expected.delete(change.key);
      else expected.set(change.key, change.text.split(' ').at(-1)!);
    }
    const [relation] = await reader.relations('source', ['random.table_1']);
    const rows = new Map<string, string>();
    const take = (row: Buffer): void =>
      void rows.set(row.toString('utf8', 6, 6 + row.readInt32BE(2)), hex(row));
    await reader.read(relation!, take, new AbortController().signal);
    expect(rows).toEqual(expected);
  },
);
