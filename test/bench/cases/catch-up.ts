import { copyByPipe } from '../baselines/copy-pipe.ts';
import { LogicalReplication } from '../baselines/logical-replication.ts';
import type { Bench, CaseReport, Measurement } from '../bench.ts';
import { CHANGES_PER_TRANSACTION, waitForChanges, writeChanges } from '../change-load.ts';
import { requireEqual } from '../equality.ts';
import { createEvents, createFilledEvents, EVENTS } from '../events-table.ts';
import { PipelineRun, resetPipeline, writePipelineFile } from '../pipeline-run.ts';
import { runRace } from '../race.ts';
import { checkpoint, createDatabase, dropDatabase, runSql } from '../sql.ts';

const ROWS = 300_000;
const TRANSACTIONS = 3_000;
const TEMPLATE = 'catch_up_template';
const DATABASE = 'catch_up';

/** Two equal tables, changes at one while nobody follows, then the time until the other has them all. */
export async function runCatchUp(bench: Bench): Promise<CaseReport> {
  const { servers, signal } = bench;
  const rows = Math.round(ROWS * bench.arguments.scale);
  const transactions = Math.round(TRANSACTIONS * bench.arguments.scale);
  bench.say(`catch-up: writing ${rows} rows`);
  await createFilledEvents(await createDatabase(servers.source, TEMPLATE, signal), rows, signal);
  const race = new CatchUp(bench, rows, transactions);
  const report = await runRace(bench, {
    name: 'catch-up',
    work: `${(transactions * CHANGES_PER_TRANSACTION).toLocaleString('en-US')} changes in ${transactions.toLocaleString('en-US')} transactions on ${rows.toLocaleString('en-US')} rows`,
    amount: transactions * CHANGES_PER_TRANSACTION,
    unit: 'changes',
    baseline: 'logical replication, enable to last change',
    spans: [
      { key: 'services', meaning: 'services start to last change' },
      { key: 'reading', meaning: 'reading begins to last change' },
      { key: 'started', meaning: 'command given to last change' },
      { key: 'command', meaning: 'whole command' },
    ],
    goal: 0.4,
    runBaseline: (s) => race.run(s, (source, target) => race.byReplication(source, target, s)),
    runWeir: (s) => race.run(s, (source, target) => race.byWeir(source, target, s)),
  });
  await dropDatabase(servers.source, TEMPLATE, signal);
  return report;
}

class CatchUp {
  readonly #bench: Bench;
  readonly #rows: number;
  readonly #transactions: number;

  constructor(bench: Bench, rows: number, transactions: number) {
    this.#bench = bench;
    this.#rows = rows;
    this.#transactions = transactions;
  }

  /** In databases of its own: a filled source, and a target with the table, still empty. */
  async run(
    signal: AbortSignal,
    contestant: (sourceUrl: string, targetUrl: string) => Promise<Measurement>,
  ): Promise<Measurement> {
    const { source, target } = this.#bench.servers;
    const sourceUrl = await createDatabase(source, DATABASE, signal, TEMPLATE);
    const targetUrl = await createDatabase(target, DATABASE, signal);
    await createEvents(targetUrl, signal);
    const measured = await contestant(sourceUrl, targetUrl);
    await requireEqual(sourceUrl, targetUrl, EVENTS, signal);
    await dropDatabase(target, DATABASE, signal);
    await dropDatabase(source, DATABASE, signal);
    return measured;
  }

  async byReplication(
    sourceUrl: string,
    targetUrl: string,
    signal: AbortSignal,
  ): Promise<Measurement> {
    const replication = new LogicalReplication(sourceUrl, targetUrl, signal);
    await copyByPipe(sourceUrl, targetUrl, this.#bench.servers, signal);
    await replication.prepare();
    await this.#change(sourceUrl, targetUrl, signal);
    const measured = await replication.catchUp(this.#bench.servers);
    await replication.remove();
    return measured;
  }

  async byWeir(sourceUrl: string, targetUrl: string, signal: AbortSignal): Promise<Measurement> {
    const file = await writePipelineFile(this.#bench, sourceUrl, targetUrl);
    await (
      await PipelineRun.start(this.#bench, file, signal, { profileDirectory: undefined })
    ).ended;
    await this.#change(sourceUrl, targetUrl, signal);
    const run = await PipelineRun.start(this.#bench, file, signal);
    const doneAtMs = await run.endWith((s) => waitForChanges(targetUrl, s), signal);
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
  }

  /** What happens while nobody follows, and what every run begins with: a settled target, nothing left to write out. */
  async #change(sourceUrl: string, targetUrl: string, signal: AbortSignal): Promise<void> {
    const { source, target } = this.#bench.servers;
    await writeChanges(sourceUrl, this.#rows, this.#transactions, signal);
    await runSql(targetUrl, `VACUUM ANALYZE ${EVENTS}`, signal);
    await checkpoint([source, target], signal);
  }
}
