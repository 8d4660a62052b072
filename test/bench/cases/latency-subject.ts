import { LogicalReplication } from '../baselines/logical-replication.ts';
import { copyByPipe } from '../baselines/pipe.ts';
import type { Bench, ResourceUsage } from '../bench.ts';
import { createFilledTables, createTables } from '../data/data-set.ts';
import { EVENTS, EVENTS_TABLE } from '../data/events.ts';
import { requireEqual } from '../equality.ts';
import { SteadyLoad } from '../loads/steady-load.ts';
import { type CommitTimes, readCommitTimes, waitForIds } from '../measure/commit-times.ts';
import { ResourceMeter } from '../measure/resource-meter.ts';
import { PipelineRun, resetPipeline, writePipelineFile } from '../pipeline-run.ts';
import { createDatabase, dropDatabase, runSql } from '../sql.ts';

const DATABASE = 'latency';
const ROWS = 20_000;
/**
 * Logical replication gives its commits the times of those at the source, so there a column of the target notes when
 * each row was applied: its commit, a moment later, is left out of what is told of it.
 */
const APPLIED_AT = 'applied_at';

/** A table that somebody follows, and the load on it. */
export interface Followed {
  load: SteadyLoad;
  /** Null for the baseline. */
  run: PipelineRun | null;
  /** Does something with the load, waits until the target has it, and gives the commit times of the rows inserted. */
  measure: (work: (load: SteadyLoad) => Promise<void>) => Promise<CommitTimes[]>;
}

/** Two equal tables of 20,000 events with somebody following; compares them at the end. */
export async function whileFollowed<T>(
  bench: Bench,
  by: 'weir' | 'replication',
  signal: AbortSignal,
  work: (followed: Followed) => Promise<T>,
): Promise<{ result: T; usage: ResourceUsage }> {
  const { source, target } = bench.servers;
  const sourceUrl = await createDatabase(source, DATABASE, signal);
  const targetUrl = await createDatabase(target, DATABASE, signal);
  await createFilledTables(sourceUrl, EVENTS, ROWS, signal);
  await createTables(targetUrl, EVENTS, signal);
  const load = new SteadyLoad(sourceUrl, ROWS);
  await load.prepare(signal);
  const measure = async (make: (load: SteadyLoad) => Promise<void>): Promise<CommitTimes[]> => {
    const first = load.lastId;
    await make(load);
    await waitForIds(targetUrl, first, load.lastId, signal);
    const atTarget = by === 'replication' ? APPLIED_AT : undefined;
    return readCommitTimes(sourceUrl, targetUrl, first, load.lastId, signal, atTarget);
  };
  let usage: ResourceUsage;
  let result: T;
  if (by === 'weir') {
    const file = await writePipelineFile(bench, EVENTS, sourceUrl, targetUrl);
    const run = await PipelineRun.start(bench, file, signal, { until: false });
    await run.reached('copy is in the target', signal);
    result = await work({ load, run, measure });
    usage = run.usage;
    await run.stop();
    await resetPipeline(file, signal);
  } else {
    const replication = new LogicalReplication(sourceUrl, targetUrl, signal);
    await replication.keepChanges(EVENTS);
    await copyByPipe(sourceUrl, targetUrl, EVENTS, bench.servers, signal);
    await runSql(
      targetUrl,
      `ALTER TABLE ${EVENTS_TABLE} ADD ${APPLIED_AT} timestamptz DEFAULT clock_timestamp()`,
      signal,
    );
    const meter = new ResourceMeter(bench.servers, undefined, () => '');
    await replication.follow();
    result = await work({ load, run: null, measure });
    usage = meter.stop();
    await replication.remove();
    await runSql(targetUrl, `ALTER TABLE ${EVENTS_TABLE} DROP ${APPLIED_AT}`, signal);
  }
  await requireEqual(sourceUrl, targetUrl, EVENTS, signal);
  await dropDatabase(target, DATABASE, signal);
  await dropDatabase(source, DATABASE, signal);
  return { result, usage };
}
