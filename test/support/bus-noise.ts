import { gzipSync } from 'node:zlib';
import type { NatsConnection } from 'nats';
import { createRandom } from '../../infra/demo/random.ts';
import { PROTOCOL } from '../../shared/hub/message.ts';

/** Like what services say, so that noise gets as far as it can. */
const LIKENESSES: unknown[] = [
  { service: 'source-reader', pipeline: 'p', id: 'x', pid: 1, atMs: 1, problem: null, phase: 'streaming', readerEpoch: 1, copy: { 'public.t': { chunksTotal: 1 } }, read: {}, lagMs: 1, retention: null },
  { service: 'target-writer', pipeline: 'p', id: 'x', pid: 1, atMs: 1, problem: null, phase: 'running', lanes: [0, 99], warnings: [], changesApplied: 1, rowsCopied: 1, lagMs: { p50: 1 } },
  { service: 'stats', pipeline: 'p', id: 'x', phase: 'running', report: { state: 'idle', lanes: null, namespaces: {} } },
  { kind: 'progress', lanes: [{ lane: 0, position: 'f', agoMs: 1 }] },
  { kind: 'chunk', id: -1, rows: 'all' },
  { kind: 'desired', desired: 'gone' },
  { kind: 'rewind', readerEpoch: 'latest' },
  { op: 'plan', plan: { namespaces: [{}] }, readerEpoch: 1 },
  { op: 'desire', desired: 'nothing' },
  { op: 'replay', selection: { kind: 'some' }, after: 0, until: null },
  { op: 'mark', reached: 'zz' },
  { op: 'none' },
  { ok: {} },
]; // prettier-ignore

export interface Noise {
  subject: string;
  bytes: Uint8Array;
  isRequest: boolean;
}

/** Messages to everything that a pipeline listens to, of which none is one that Weir sends. */
export function createNoise(pipeline: string, lanes: number, seed: number): () => Noise {
  const random = createRandom(seed);
  const pick = <T>(from: readonly T[]): T => from[random(from.length)]!;

  const json = (depth = 0): unknown => {
    const kind = random(depth > 3 ? 5 : 7);
    if (kind === 0) return null;
    if (kind === 1) return random(2) === 0;
    if (kind === 2) return pick([0, -1, 1e300, 2 ** 53, 0.5, random(1_000)]);
    if (kind === 3) return pick(['', 'x', '__proto__', '💥', 'f'.repeat(32), 'é'.repeat(random(500))]);
    if (kind === 4) return pick([[], {}]);
    const size = random(4);
    if (kind === 5) return Array.from({ length: size }, () => json(depth + 1));
    const names = ['pipeline', 'service', 'kind', 'op', 'lanes', 'id', '__proto__', 'constructor'];
    return Object.fromEntries(Array.from({ length: size }, () => [pick(names), json(depth + 1)]));
  }; // prettier-ignore
  const spoiled = (): Record<string, unknown> => {
    const like = structuredClone(pick(LIKENESSES)) as Record<string, unknown>;
    like[pick(Object.keys(like).filter((key) => key !== 'op'))] = json();
    return like;
  };
  const bytes = (): Uint8Array => Uint8Array.from({ length: random(300) }, () => random(256));
  const payload = (): Uint8Array => {
    const kind = random(8);
    if (kind === 0) return new Uint8Array();
    if (kind <= 2) return bytes();
    // Most of it in the language of today, so that it comes to the schemas.
    const v = random(4) === 0 ? json() : PROTOCOL;
    const text = Buffer.from(JSON.stringify(kind <= 5 ? { v, ...spoiled() } : json()));
    return kind === 4 || kind === 7 ? gzipSync(text) : text;
  };

  return () => {
    const subject = pick([
      `weir.${pipeline}.status.source-reader.x`,
      `weir.${pipeline}.status.target-writer.${random(9)}`,
      `weir.${pipeline}.status.stats.x`,
      `weir.nobody.status.${pick(['source-reader', 'none'])}.x`,
      `weir.${pipeline}.notice`,
      `weir.${pipeline}.target`,
      `weir.${pipeline}.reader`,
      `weir.${pipeline}.ping`,
      'weir.ping',
      // Few: each costs the pipeline a new beginning.
      random(20) === 0 ? `weir.${pipeline}.lane.${random(lanes)}` : `weir.${pipeline}.notice`,
    ]);
    return { subject, bytes: payload(), isRequest: /\.(target|reader)$/.test(subject) };
  };
}

/** Values in a bucket under keys that may be of a lease. */
export async function spoilBucket(
  nc: NatsConnection,
  bucket: string,
  lanes: number,
  seed: number,
): Promise<void> {
  const random = createRandom(seed);
  const kv = await nc.jetstream().views.kv(bucket, { bindOnly: true });
  for (const key of ['member.x', `lane.${lanes + 7}`, 'lane.x', 'raw', 'writer.1.2', 'lane.-1'])
    await kv.put(
      key,
      Uint8Array.from({ length: random(60) }, () => random(256)),
    );
}
