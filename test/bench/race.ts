import type { Race, RaceRounds } from './race-rounds.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { runDeadline, type Bench, type CaseReport, type Measurement } from './bench.ts';
import { describeProfiles } from './report/cpu-profile.ts';
import { raceFigures, raceLines } from './report/race-report.ts';

interface Contestant {
  name: string;
  span: string;
  into: Measurement[];
  run: (signal: AbortSignal) => Promise<Measurement>;
}

/** Lets what the last run has left to the background come to rest. */
const PAUSE_MS = 500;

/** Runs baseline, Weir, control and the other baselines in turn, that often. */
export async function runRace(bench: Bench, race: Race): Promise<CaseReport> {
  const { profileDirectory } = bench.arguments;
  if (profileDirectory !== undefined) return profileRace(bench, race, profileDirectory);
  const [first, ...others] = race.baselines;
  const rounds: RaceRounds = { baseline: [], weir: [], control: [], others: {} };
  for (const { name, missing } of others) {
    if (missing === undefined) rounds.others[name] = [];
    else bench.say(`${race.name}: without ${name}, ${missing}`);
  }
  const contestants: Contestant[] = [
    { name: 'baseline', span: 'whole', into: rounds.baseline, run: (s) => first.run(s) },
    { name: 'weir', span: race.spans[0].key, into: rounds.weir, run: (s) => race.runWeir(s) },
    { name: 'control', span: 'whole', into: rounds.control, run: (s) => first.run(s) },
    ...others.flatMap(({ name, run }) => {
      const into = rounds.others[name];
      return into === undefined ? [] : [{ name, span: 'whole', into, run }];
    }),
  ];
  for (let round = 1; round <= bench.arguments.rounds; round++)
    for (const { name, span, into, run } of contestants) {
      await sleep(PAUSE_MS, undefined, { signal: bench.signal });
      const measured = await run(runDeadline(bench));
      into.push(measured);
      const seconds = ((measured.spans[span] ?? Number.NaN) / 1000).toFixed(2);
      bench.say(
        `${race.name}: round ${round} of ${bench.arguments.rounds}, ${name} ${seconds} s, equal; others took ${measured.usage.otherCores.toFixed(1)} cores`,
      );
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
      '',
      `  the profiles are in ${directory}`,
    ],
    figures: { spans: measured.spans, usage: measured.usage },
  };
}
