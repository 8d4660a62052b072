import { LogicalReplication } from '../baselines/logical-replication.ts';
import { cloneByPgcopydb, findPgcopydb } from '../baselines/pgcopydb.ts';
import { copyByDump, copyByPipe } from '../baselines/pipe.ts';
import { sizeOf } from '../bench-arguments.ts';
import type { Bench, CaseReport, Measurement } from '../bench.ts';
import { waitForRows } from '../chunk-watch.ts';
import { createFilledTables, createTables, type DataSet, tableBytes } from '../data/data-set.ts';
import { EVENTS } from '../data/events.ts';
import { LARGE, manyTables, NARROW, WIDE } from '../data/shapes.ts';
import { requireEqual } from '../equality.ts';
import { PipelineRun, resetPipeline, writePipelineFile } from '../pipeline-run.ts';
import { runRace } from '../race.ts';
import type { Race, Baseline } from '../race-rounds.ts';
import { checkpoint, createDatabase, dropDatabase } from '../sql.ts';

interface CopyCase {
  name: string;
  data: DataSet;
  rows: number;
  goal: number | null;
  baselines(copy: Copy): [Baseline, ...Baseline[]];
}

const CASES: readonly CopyCase[] = [
  {
    name: 'copy',
    data: EVENTS,
    rows: 1_000_000,
    goal: 1,
    baselines: (copy) => [copy.byPipe(), copy.byReplication(), copy.byPgcopydb()],
  },
  {
    name: 'copy-narrow',
    data: NARROW,
    rows: 3_000_000,
    goal: null,
    baselines: (copy) => [copy.byPipe()],
  },
  {
    name: 'copy-wide',
    data: WIDE,
    rows: 200_000,
    goal: null,
    baselines: (copy) => [copy.byPipe()],
  },
  {
    name: 'copy-large',
    data: LARGE,
    rows: 20_000,
    goal: null,
    baselines: (copy) => [copy.byPipe()],
  },
  {
    name: 'copy-many',
    data: manyTables(200),
    rows: 200_000,
    goal: null,
    baselines: (copy) => [copy.byDump(), copy.byReplication(), copy.byPgcopydb()],
  },
];

/** By name: copies tables into empty ones that exist, keys and all. */
export const COPY_CASES: Record<string, (bench: Bench) => Promise<CaseReport>> = Object.fromEntries(
  CASES.map(({ name }) => [
    name,
    (bench: Bench) => withCopyRace(bench, name, (race) => runRace(bench, race)),
  ]),
);

/** The race of that case, with the source filled for as long as it is used. */
export async function withCopyRace<T>(
  bench: Bench,
  name: string,
  use: (race: Race) => Promise<T>,
): Promise<T> {
  const { data, ...usual } = CASES.find((each) => each.name === name)!;
  const { servers, signal } = bench;
  const rows = sizeOf(bench.arguments, usual.rows);
  bench.say(`${name}: writing ${rows} rows`);
  const sourceUrl = await createDatabase(servers.source, DATABASE, signal);
  await createFilledTables(sourceUrl, data, rows, signal);
  const megabytes = Math.round((await tableBytes(sourceUrl, data, signal)) / 1e6);
  const copy = new Copy(bench, data, rows, sourceUrl);
  const tables = data.tables.length === 1 ? 'a table with its key' : `${data.tables.length} tables`;
  const result = await use({
    name,
    work: `${rows.toLocaleString('en-US')} rows, ${megabytes} MB, into ${tables}`,
    amount: rows,
    unit: 'rows',
    baselines: usual.baselines(copy),
    spans: [
      { key: 'reading', meaning: 'reading begins to tables ready' },
      { key: 'rows', meaning: 'reading begins to all rows in' },
      { key: 'services', meaning: 'services start to tables ready' },
      { key: 'command', meaning: 'whole command' },
    ],
    goal: usual.goal,
    runWeir: (s) => copy.byWeir(s),
  });
  await dropDatabase(servers.source, DATABASE, signal);
  return result;
}

const DATABASE = 'copy';

/** Each run goes into a database of its own. */
class Copy {
  readonly #bench: Bench;
  readonly #data: DataSet;
  readonly #rows: number;
  readonly #sourceUrl: string;

  constructor(bench: Bench, data: DataSet, rows: number, sourceUrl: string) {
    this.#bench = bench;
    this.#data = data;
    this.#rows = rows;
    this.#sourceUrl = sourceUrl;
  }

  byWeir(signal: AbortSignal): Promise<Measurement> {
    return this.#run(signal, (targetUrl) =>
      copyByWeir(this.#bench, this.#data, this.#sourceUrl, targetUrl, this.#rows, signal),
    );
  }

  byPipe(): Baseline {
    return this.#baseline('binary COPY to COPY, two psql and a pipe', (targetUrl, signal) =>
      copyByPipe(this.#sourceUrl, targetUrl, this.#data, this.#bench.servers, signal),
    );
  }

  byDump(): Baseline {
    return this.#baseline('pg_dump of the data into psql', (targetUrl, signal) =>
      copyByDump(this.#sourceUrl, targetUrl, this.#bench.servers, signal),
    );
  }

  byReplication(): Baseline {
    return this.#baseline('logical replication, initial copy', async (targetUrl, signal) => {
      const replication = new LogicalReplication(this.#sourceUrl, targetUrl, signal);
      const measured = await replication.copy(this.#data, this.#bench.servers);
      await replication.remove();
      return measured;
    });
  }

  byPgcopydb(): Baseline {
    const missing = findPgcopydb() === null ? 'which is not installed' : undefined;
    return {
      ...this.#baseline(
        'pgcopydb clone, two table jobs',
        (targetUrl, signal) => cloneByPgcopydb(this.#bench, this.#sourceUrl, targetUrl, signal),
        { makesTables: true },
      ),
      missing,
    };
  }

  #baseline(
    name: string,
    copy: (targetUrl: string, signal: AbortSignal) => Promise<Measurement>,
    { makesTables = false } = {},
  ): Baseline {
    return {
      name,
      run: (signal) => this.#run(signal, (targetUrl) => copy(targetUrl, signal), { makesTables }),
    };
  }

  async #run(
    signal: AbortSignal,
    copy: (targetUrl: string) => Promise<Measurement>,
    { makesTables = false } = {},
  ): Promise<Measurement> {
    const { source, target } = this.#bench.servers;
    const targetUrl = await createDatabase(target, DATABASE, signal);
    if (!makesTables) await createTables(targetUrl, this.#data, signal);
    await checkpoint([source, target], signal);
    const measured = await copy(targetUrl);
    await requireEqual(this.#sourceUrl, targetUrl, this.#data, signal);
    await dropDatabase(target, DATABASE, signal);
    return measured;
  }
}

/** One copy by a pipeline made for it, removed again afterwards. */
export async function copyByWeir(
  bench: Bench,
  data: DataSet,
  sourceUrl: string,
  targetUrl: string,
  rows: number,
  signal: AbortSignal,
  settings: readonly string[] = [],
): Promise<Measurement> {
  const file = await writePipelineFile(bench, data, sourceUrl, targetUrl, settings);
  const run = await PipelineRun.start(bench, file, signal);
  const rowsAtMs = await run.endWith((s) => waitForRows(bench.servers.nats.url, rows, s), signal);
  const endedAtMs = await run.ended;
  const readingAtMs = run.reachedAtMs('reader epoch began');
  const readyAtMs = Math.max(rowsAtMs, run.reachedAtMs('copy is in the target'));
  await resetPipeline(file, signal);
  return {
    spans: {
      reading: readyAtMs - readingAtMs,
      rows: rowsAtMs - readingAtMs,
      services: readyAtMs - run.reachedAtMs('service started'),
      command: endedAtMs - run.startedAtMs,
    },
    usage: run.usage,
  };
}
