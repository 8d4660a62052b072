import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, CaseReport, Measurement } from './bench.ts';
import { runDeadline } from './bench.ts';
import { describeProfiles } from './report/cpu-profile.ts';
import { raceFigures, raceLines } from './report/race-report.ts';

/** One span of Weir's time; the baseline knows only its whole. */
export interface Span {
  key: string;
  meaning: string;
}

/** Weir against a baseline doing the same work on the same data. */
export interface Race {
  name: string;
  /** What is done, with sizes. */
  work: string;
  /** How many of `unit` a run moves. */
  amount: number;
  unit: 'rows' | 'changes';
  baseline: string;
  /** Weir's spans; the first one is held against the goal. */
  spans: [Span, ...Span[]];
  goal: number;
  /** A run: made ready, measured, checked for equality, cleaned up. */
  runBaseline(signal: AbortSignal): Promise<Measurement>;
  runWeir(signal: AbortSignal): Promise<Measurement>;
}

/** The control is the baseline again: how far it is from itself says what a difference means. */
export interface RaceRounds {
  baseline: Measurement[];
  weir: Measurement[];
  control: Measurement[];
}

/** Lets what the last run has left to the background come to rest. */
const PAUSE_MS = 500;

/** Runs baseline, Weir and control in turn, that often. */
export async function runRace(bench: Bench, race: Race): Promise<CaseReport> {
  const { profileDirectory } = bench.arguments;
  if (profileDirectory !== undefined) return profileRace(bench, race, profileDirectory);
  const rounds: RaceRounds = { baseline: [], weir: [], control: [] };
  for (let round = 1; round <= bench.arguments.rounds; round++) {
    for (const contestant of ['baseline', 'weir', 'control'] as const) {
      await sleep(PAUSE_MS, undefined, { signal: bench.signal });
      const signal = runDeadline(bench);
      const measured = await (contestant === 'weir'
        ? race.runWeir(signal)
        : race.runBaseline(signal));
      rounds[contestant].push(measured);
      const span = contestant === 'weir' ? race.spans[0].key : 'whole';
      const seconds = ((measured.spans[span] ?? Number.NaN) / 1000).toFixed(2);
      bench.say(
        `${race.name}: round ${round} of ${bench.arguments.rounds}, ${contestant} ${seconds} s, equal; others took ${measured.usage.otherCores.toFixed(1)} cores`,
      );
    }
  }
  return {
    name: race.name,
    failure: null,
    lines: raceLines(race, rounds),
    figures: raceFigures(race, rounds),
  };
}

async function profileRace(bench: Bench, race: Race, directory: string): Promise<CaseReport> {
  const measured = await race.runWeir(runDeadline(bench));
  return {
    name: race.name,
    failure: null,
    lines: [
      `${race.name} under the profiler: ${race.work}`,
      ...race.spans.map(
        ({ key, meaning }) =>
          `  ${meaning}: ${((measured.spans[key] ?? Number.NaN) / 1000).toFixed(2)} s`,
      ),
      ...(await describeProfiles(directory)),
    ],
    figures: { spans: measured.spans, usage: measured.usage },
  };
}
