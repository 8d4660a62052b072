import { describe, expect, it } from 'vitest';
import type { Relation } from '../../shared/change/relation.ts';
import type { BucketHash, RowHash, Verifier } from '../../shared/connector/verifier.ts';
import { findSuspiciousKeys } from './suspicious-keys.ts';
import { verifyPipeline, type VerifyOptions } from './verify-pipeline.ts';
import { namespaceText, verdictText } from './verify-text.ts';

type Rows = Map<string, { value: string; count: number }>;

const RELATION: Relation = {
  namespace: 'public.t',
  columns: [{ name: 'id', type: 'int4', encoding: 'binary' }],
  key: [0],
  identity: 'key',
  order: 'key',
};

/** A store in memory; `onLook` may change it each time rows are looked at by key. */
class MemoryVerifier implements Verifier {
  readonly tables: Record<string, Rows>;
  readonly relation: Relation;
  onLook: () => void = () => undefined;
  slicesRead = 0;

  constructor(tables: Record<string, Rows>, relation = RELATION) {
    this.tables = tables;
    this.relation = relation;
  }

  async relations(): Promise<Relation[]> {
    return Object.keys(this.tables).map((namespace) => ({ ...this.relation, namespace }));
  }

  async bucketHashes(namespace: string, _: Relation, buckets: number): Promise<BucketHash[]> {
    const slices = new Map<number, string[]>();
    for (const [key, row] of this.#rows(namespace)) {
      const bucket = Number(key) % buckets;
      slices.set(bucket, [...(slices.get(bucket) ?? []), `${key}=${row.value}*${row.count}`]);
    }
    return [...slices].map(([bucket, rows]) => ({
      bucket,
      rows: rows.length,
      hash: rows.sort().join(),
    }));
  }

  async rowHashes(
    namespace: string,
    _: Relation,
    buckets: number,
    bucket: number,
  ): Promise<RowHash[]> {
    this.slicesRead++;
    return this.#hashes(namespace, (key) => Number(key) % buckets === bucket);
  }

  async rowsByKey(namespace: string, _: Relation, keys: readonly string[]): Promise<RowHash[]> {
    this.onLook();
    return this.#hashes(namespace, (key) => keys.includes(key));
  }

  async close(): Promise<void> {}

  #hashes(namespace: string, wanted: (key: string) => boolean): RowHash[] {
    return [...this.#rows(namespace)]
      .filter(([key]) => wanted(key))
      .map(([key, { value, count }]) => ({ key, hash: value, count }));
  }

  #rows(namespace: string): Rows {
    const rows = this.tables[namespace];
    if (rows === undefined) throw new Error(`no ${namespace}`);
    return rows;
  }
}

function table(count: number, value = 'v'): Rows {
  return new Map(Array.from({ length: count }, (_, i) => [String(i), { value, count: 1 }]));
}

function verify(
  source: MemoryVerifier,
  target: MemoryVerifier,
  options: VerifyOptions = {},
  map: Record<string, string> = {},
) {
  const spec = { name: 'p', source: { namespaces: undefined }, map };
  return verifyPipeline(spec, { source, target }, { settleMs: 20, delayMs: 5, ...options });
}

describe('verify', () => {
  it('says equal of what is equal, also under another name', async () => {
    const source = new MemoryVerifier({ 'public.t': table(5000) });
    const target = new MemoryVerifier({ 'sales.t': table(5000) });
    const report = await verify(source, target, {}, { 'public.t': 'sales.t' });
    expect(report).toMatchObject({ equal: true, rows: 5000 });
    expect(verdictText(report)).toBe(
      '5,000 rows in 1 namespace compared: source and target are equal',
    );
  });

  it('finds a changed, a missing and an extra row by key', async () => {
    const source = new MemoryVerifier({ 'public.t': table(5000) });
    const target = new MemoryVerifier({ 'public.t': table(5000) });
    target.tables['public.t']!.set('17', { value: 'w', count: 1 });
    target.tables['public.t']!.delete('4000');
    target.tables['public.t']!.set('9000', { value: 'v', count: 1 });
    const report = await verify(source, target);
    expect(report.equal).toBe(false);
    expect(report.namespaces[0]?.differences.sort((a, b) => a.key.localeCompare(b.key))).toEqual([
      { key: '17', kind: 'different' },
      { key: '4000', kind: 'missing at target' },
      { key: '9000', kind: 'extra at target' },
    ]);
    expect(namespaceText(report.namespaces[0]!)).toContain('missing at target: 4000');
  });

  it('waits for changes in flight', async () => {
    const source = new MemoryVerifier({ 'public.t': table(100, 'new') });
    const target = new MemoryVerifier({ 'public.t': table(100, 'old') });
    let looks = 0;
    target.onLook = () => {
      if (++looks === 3) target.tables['public.t'] = table(100, 'new');
    };
    expect(await verify(source, target, { settleMs: 5_000 })).toMatchObject({ equal: true });
  });

  it('does not call a row different that never stops changing', async () => {
    const source = new MemoryVerifier({ 'public.t': table(10) });
    const target = new MemoryVerifier({ 'public.t': table(10) });
    let value = 0;
    const change = () => source.tables['public.t']!.set('3', { value: String(value++), count: 1 });
    change();
    source.onLook = change;
    const report = await verify(source, target);
    expect(report.equal).toBe(false);
    expect(report.namespaces[0]).toMatchObject({
      state: 'unsettled',
      unsettled: ['3'],
      differences: [],
    });
    expect(verdictText(report)).toContain('changing too fast to compare');
  });

  it('counts equal rows where there is no key', async () => {
    const source = new MemoryVerifier({ 'public.t': table(10) });
    const target = new MemoryVerifier({ 'public.t': table(10) });
    source.tables['public.t']!.set('3', { value: 'v', count: 3 });
    const report = await verify(source, target);
    expect(report.namespaces[0]?.differences).toEqual([{ key: '3', kind: 'missing at target' }]);
  });

  it('lists no more differences than it may, and says so', async () => {
    const source = new MemoryVerifier({ 'public.t': table(5000) });
    const report = await verify(source, new MemoryVerifier({ 'public.t': new Map() }), {
      most: 50,
    });
    expect(report.namespaces[0]?.differences).toHaveLength(50);
    expect(report.namespaces[0]?.capped).toBe(true);
    expect(namespaceText(report.namespaces[0]!)).toMatch(
      /there may be more.*\n.*(\n.*)+and 30 more/,
    );
  });

  it('names an absent namespace and absent columns', async () => {
    const source = new MemoryVerifier({ 'public.t': table(5) });
    expect((await verify(source, new MemoryVerifier({}))).namespaces[0]?.state).toBe('absent');
    const narrow = new MemoryVerifier({ 'public.t': table(5) }, { ...RELATION, columns: [] });
    const report = await verify(source, narrow);
    expect(report).toMatchObject({ equal: false, namespaces: [{ missingColumns: ['id'] }] });
  });

  it('refuses to call nothing equal', async () => {
    await expect(verify(new MemoryVerifier({}), new MemoryVerifier({}))).rejects.toThrow(
      /no namespace/,
    );
  });
});

it('many differing buckets are read in a few large slices', async () => {
  const source = new MemoryVerifier({ 'public.t': table(20_000, 'a') });
  const target = new MemoryVerifier({ 'public.t': table(20_000, 'b') });
  const comparison = { relation: RELATION, source, target, targetNamespace: 'public.t' };
  const { keys } = await findSuspiciousKeys(comparison, 100_000, 5_000);
  expect(keys).toHaveLength(20_000);
  expect(source.slicesRead).toBe(4);
});
