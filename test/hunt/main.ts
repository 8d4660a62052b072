import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { HuntCase } from './hunt-case.ts';
import { hunt, seedsFrom } from './hunt.ts';
import { verdictText } from './judge/verdict.ts';
import { startHuntServers } from './play/hunt-servers.ts';
import { playCase } from './play/play-case.ts';

/** `npm run hunt -- --minutes N [--seed S]`: random databases for that long; `--seed` alone plays one of them again. */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    /** A case that was written down, `case.json`. */
    case: { type: 'string' },
    'shrink-minutes': { type: 'string', default: '4' },
  },
});

const isNumber = (text: string | undefined): boolean => text === undefined || /^\d+(\.\d+)?$/.test(text); // prettier-ignore
if (![values.minutes, values.seed, values['shrink-minutes']].every(isNumber)) {
  process.stderr.write('hunt: use --minutes N [--seed S], --seed S, or --case FILE\n');
  process.exit(2);
}
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const servers = await startHuntServers();
let failed: boolean;
try {
  failed = values.case === undefined ? await huntThem() : await playAgain(values.case);
} finally {
  await servers.stop();
}
process.exit(failed ? 1 : 0);

async function huntThem(): Promise<boolean> {
  const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed);
  const one = values.minutes === undefined && values.seed !== undefined;
  const summary = await hunt(servers, {
    seeds: one ? [seed] : seedsFrom(seed),
    forMs: Number(values.minutes ?? '10') * 60_000,
    shrinkMs: Number(values['shrink-minutes']) * 60_000,
    say,
  });
  say(String(summary));
  return summary.failed > 0;
}

async function playAgain(file: string): Promise<boolean> {
  const found = JSON.parse(await readFile(file, 'utf8')) as HuntCase;
  const { verdict, output } = await playCase(found, servers);
  say(output);
  say(verdictText(verdict));
  return verdict.is === 'failed';
}
