import { LogicalReplication } from '../baselines/logical-replication.ts';
import { copyByPipe } from '../baselines/pipe.ts';
import { sizeOf } from '../bench-arguments.ts';
import type { Bench, CaseReport, Measurement } from '../bench.ts';
import { createFilledTables, createTables, type DataSet } from '../data/data-set.ts';
import { requireEqual } from '../equality.ts';
import {
  type ChangeLoad,
  waitForMarkers,
  withMarkers,
  writeMarkers,
} from '../loads/change-load.ts';
import { insertLoad, largeTransactions, mixedLoad } from '../loads/event-loads.ts';
import { tpcB } from '../loads/tpc-b.ts';
import { PipelineRun, resetPipeline, writePipelineFile } from '../pipeline-run.ts';
import { runRace } from '../race.ts';
import type { Race } from '../race-rounds.ts';
import { checkpoint, createDatabase, dropDatabase, runSql } from '../sql.ts';

interface CatchUpCase {
  name: string;
  changes: number;
  load: (changes: number) => ChangeLoad;
  goal: number | null;
}

const CASES: readonly CatchUpCase[] = [
  { name: 'catch-up', changes: 300_000, load: mixedLoad, goal: 1 },
  { name: 'catch-up-insert', changes: 300_000, load: insertLoad, goal: null },
  { name: 'catch-up-hot', changes: 160_000, load: tpcB, goal: 1.5 },
  { name: 'catch-up-large', changes: 300_000, load: largeTransactions, goal: null },
];

const TEMPLATE = 'catch_up_template';
const DATABASE = 'catch_up';

/** By name: two equal sets of tables, changes at one while nobody follows, then the time until the other has them all. */
export const CATCH_UP_CASES: Record<string, (bench: Bench) => Promise<CaseReport>> =
  Object.fromEntries(
    CASES.map(({ name }) => [
      name,
      (bench: Bench) => withCatchUpRace(bench, name, (race) => runRace(bench, race)),
    ]),
  );

/** The race of that case, with the source's template filled for as long as it is used. */
export async function withCatchUpRace<T>(
  bench: Bench,
  name: string,
  use: (race: Race) => Promise<T>,
): Promise<T> {
  const { changes, load: loadOf, goal } = CASES.find((each) => each.name === name)!;
  const { servers, signal } = bench;
  const load = loadOf(sizeOf(bench.arguments, changes));
  bench.say(`${name}: writing ${load.rows} rows`);
  const race = new CatchUp(bench, load);
  const template = await createDatabase(servers.source, TEMPLATE, signal);
  await createFilledTables(template, race.data, load.rows, signal);
  const result = await use({
    name,
    work: load.work,
    amount: load.changes,
    unit: 'changes',
    baselines: [
      { name: 'logical replication, enabled to last change', run: (s) => race.byReplication(s) },
    ],
    spans: [
      { key: 'reading', meaning: 'reading begins to last change' },
      { key: 'services', meaning: 'services start to last change' },
      { key: 'started', meaning: 'command given to last change' },
      { key: 'command', meaning: 'whole command' },
    ],
    goal,
    runWeir: (s) => race.byWeir(s),
  });
  await dropDatabase(servers.source, TEMPLATE, signal);
  return result;
}

class CatchUp {
  readonly data: DataSet;
  readonly #bench: Bench;
  readonly #load: ChangeLoad;

  constructor(bench: Bench, load: ChangeLoad) {
    this.#bench = bench;
    this.#load = load;
    this.data = withMarkers(load.data);
  }

  byReplication(signal: AbortSignal): Promise<Measurement> {
    return this.#run(signal, async (sourceUrl, targetUrl) => {
      const replication = new LogicalReplication(sourceUrl, targetUrl, signal);
      await copyByPipe(sourceUrl, targetUrl, this.data, this.#bench.servers, signal);
      await replication.keepChanges(this.data);
      await this.#change(sourceUrl, targetUrl, signal);
      const measured = await replication.catchUp(this.#bench.servers);
      await replication.remove();
      return measured;
    });
  }

  byWeir(signal: AbortSignal): Promise<Measurement> {
    return this.#run(signal, async (sourceUrl, targetUrl) => {
      const file = await writePipelineFile(this.#bench, this.data, sourceUrl, targetUrl);
      const copying = await PipelineRun.start(this.#bench, file, signal, {
        profileDirectory: null,
      });
      await copying.ended;
      await this.#change(sourceUrl, targetUrl, signal);
      const run = await PipelineRun.start(this.#bench, file, signal);
      const doneAtMs = await run.endWith((s) => waitForMarkers(targetUrl, s), signal);
      const endedAtMs = await run.ended;
      await resetPipeline(file, signal);
      return {
        spans: {
          services: doneAtMs - run.reachedAtMs('service started'),
          reading: doneAtMs - run.reachedAtMs('reader epoch began'),
          started: doneAtMs - run.startedAtMs,
          command: endedAtMs - run.startedAtMs,
        },
        usage: run.usage,
      };
    });
  }

  /** In databases of its own: a filled source, and a target with the tables, still empty. */
  async #run(
    signal: AbortSignal,
    contestant: (sourceUrl: string, targetUrl: string) => Promise<Measurement>,
  ): Promise<Measurement> {
    const { source, target } = this.#bench.servers;
    const sourceUrl = await createDatabase(source, DATABASE, signal, TEMPLATE);
    const targetUrl = await createDatabase(target, DATABASE, signal);
    await createTables(targetUrl, this.data, signal);
    const measured = await contestant(sourceUrl, targetUrl);
    await requireEqual(sourceUrl, targetUrl, this.data, signal);
    await dropDatabase(target, DATABASE, signal);
    await dropDatabase(source, DATABASE, signal);
    return measured;
  }

  /** What happens while nobody follows, and what every run begins with: a settled target, nothing left to write out. */
  async #change(sourceUrl: string, targetUrl: string, signal: AbortSignal): Promise<void> {
    const { source, target } = this.#bench.servers;
    await this.#load.write(sourceUrl, signal);
    await writeMarkers(sourceUrl, signal);
    await runSql(targetUrl, 'VACUUM ANALYZE', signal);
    await checkpoint([source, target], signal);
  }
}
