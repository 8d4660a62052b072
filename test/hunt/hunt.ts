import { WeirError } from '../../shared/errors/weir-error.ts';
import { generateCase } from './generate/generate-case.ts';
import type { HuntCase } from './hunt-case.ts';
import type { Verdict } from './judge/verdict.ts';
import { verdictText } from './judge/verdict.ts';
import type { HuntServers } from './play/hunt-servers.ts';
import { playCase, type Played } from './play/play-case.ts';
import { shrink, sizeOf } from './shrink.ts';
import { Summary } from './summary.ts';
import { writeUp } from './write-up.ts';

export interface HuntOptions {
  /** One case each. */
  seeds: Iterable<number>;
  /** No case begins after that. */
  forMs: number;
  /** How long a failure may be made smaller; 0 leaves it as it is. */
  shrinkMs: number;
  say: (line: string) => void;
}

const MAX_TRIES = 400;

/** Plays one case after the other, and makes those small that fail. */
export async function hunt(servers: HuntServers, options: HuntOptions): Promise<Summary> {
  const summary = new Summary();
  /** Of failures: each is made small once. */
  const kinds = new Set<string>();
  const endMs = Date.now() + options.forMs;
  for (const seed of options.seeds) {
    const startedAtMs = Date.now();
    if (startedAtMs > endMs) break;
    const found = generateCase(seed, servers.facts);
    const played = await playSafely(found, servers);
    summary.add(found, played.verdict, played);
    const seconds = ((Date.now() - startedAtMs) / 1000).toFixed(1);
    options.say(`hunt: seed ${seed}: ${verdictText(played.verdict)} (${seconds} s)`);
    if (played.verdict.is !== 'failed') continue;
    const kind = fingerprint(played.verdict);
    const isKnown = kinds.has(kind);
    kinds.add(kind);
    const smallest = isKnown ? found : await makeSmall(found, played.verdict, servers, options);
    const again = smallest === found ? played : await playSafely(smallest, servers);
    const last = again.verdict.is === 'failed' ? again : played;
    summary.writtenTo(await writeUp(smallest, last.verdict, last.output));
    options.say(`hunt: seed ${seed}: from ${sizeOf(found)} to ${sizeOf(smallest)} parts`);
  }
  return summary;
}

/** From one on. */
export function* seedsFrom(first: number): Iterable<number> {
  for (let seed = first; ; seed++) yield seed;
}

/** A case that the hunt itself cannot play is a failure, too. */
async function playSafely(found: HuntCase, servers: HuntServers): Promise<Played> {
  try {
    // The streams of the case before it.
    await servers.nats.wipe();
    return await playCase(found, servers);
  } catch (error) {
    const details = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
    const isDefect = error instanceof WeirError && error.code === 'INTERNAL';
    const why = isDefect ? 'internal error' : 'hunt broken';
    const verdict: Verdict = { is: 'failed', why, details };
    return { verdict, output: '', taken: 0, refused: 0, refusals: [] };
  }
}

async function makeSmall(
  found: HuntCase,
  verdict: Verdict & { is: 'failed' },
  servers: HuntServers,
  { shrinkMs, say }: HuntOptions,
): Promise<HuntCase> {
  if (shrinkMs === 0) return found;
  const wanted = fingerprint(verdict);
  return shrink(
    found,
    async (smaller) => {
      const { verdict: now } = await playSafely(smaller, servers);
      const same = now.is === 'failed' && fingerprint(now) === wanted;
      if (same) say(`hunt: seed ${found.seed}: smaller: ${sizeOf(smaller)} parts`);
      return same;
    },
    { tries: MAX_TRIES, untilMs: Date.now() + shrinkMs },
  );
}

/** The failure without names and numbers, which change when parts are left out. */
export function fingerprint({ why, details }: Verdict & { is: 'failed' }): string {
  const first = (details[0] ?? '').replaceAll(/"(?:[^"]|"")*"|'(?:[^']|'')*'|\S*\.\S*|\d+/g, '…');
  return `${why}: ${first.slice(0, 60)}`;
}
