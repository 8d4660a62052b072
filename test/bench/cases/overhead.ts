import { setTimeout as sleep } from 'node:timers/promises';
import { connectHub, type Hub } from '../../../shared/hub/hub.ts';
import { askTarget } from '../../../shared/hub/ask.ts';
import { watchStatus } from '../../../shared/hub/status-board.ts';
import type { DesiredState } from '../../../shared/progress/desired-state.ts';
import type { Bench, CaseReport } from '../bench.ts';
import { requireEqual } from '../equality.ts';
import { createFilledTables } from '../data/data-set.ts';
import { EVENTS, EVENTS_TABLE } from '../data/events.ts';
import { cpuOfTree } from '../measure/process-record.ts';
import { median, summarize } from '../measure/statistics.ts';
import { PIPELINE, resetPipeline, writePipelineFile } from '../pipeline-run.ts';
import { createDatabase, dropDatabase, runSql } from '../sql.ts';
import { ObservedServices } from '../observed-services.ts';

const ROWS = 300_000;
const A_TRANSACTION = 100;
const MARKERS = 200;
const DATABASE = 'overhead';
const LIMIT = 0.02;
const DEADLINE_MS = 120_000;

/** `again` is `bare` once more: how far apart equal runs are is how much a difference can mean. */
const KINDS = ['bare', 'measured', 'again'] as const;
type Kind = (typeof KINDS)[number];

interface Outcome {
  changesPerSecond: number;
  /** Of Weir, the broker and both servers, for a million changes. */
  cpuSeconds: number;
  /** Processor seconds a second, by process. */
  cores: Record<string, number>;
}

/**
 * What all the measuring costs: the same pipeline takes the same changes with its metrics asked for every second, a stats
 * service, and a control that somebody looks at, and without any of it.
 */
export async function runOverhead(bench: Bench): Promise<CaseReport> {
  const { servers, signal } = bench;
  const rows = Math.round(ROWS * bench.arguments.scale);
  bench.say(`overhead: writing ${rows} rows`);
  const sourceUrl = await createDatabase(servers.source, DATABASE, signal);
  const targetUrl = await createDatabase(servers.target, DATABASE, signal);
  await createFilledTables(sourceUrl, EVENTS, rows, signal);
  const file = await writePipelineFile(bench, EVENTS, sourceUrl, targetUrl);
  const hub = await connectHub({ url: servers.nats.url, name: 'bench' });
  const outcomes: Record<Kind, Outcome[]> = { bare: [], measured: [], again: [] };
  try {
    const ends = { sourceUrl, targetUrl, file, hub, rows };
    await oneRun(bench, ends, false, 0);
    for (let round = 0, run = 1; round < bench.arguments.rounds; round++)
      // Each is first, second and third in turn, so that what drifts is no difference.
      for (let place = 0; place < KINDS.length; place++, run++) {
        const kind = KINDS[(round + place) % KINDS.length]!;
        const outcome = await oneRun(bench, ends, kind === 'measured', run);
        const { changesPerSecond, cpuSeconds } = outcome;
        bench.say(`overhead: ${kind} ${changesPerSecond.toFixed(0)} changes/s, ${cpuSeconds.toFixed(1)} CPU s a million`); // prettier-ignore
        outcomes[kind].push(outcome);
      }
    await requireEqual(sourceUrl, targetUrl, EVENTS, signal);
  } finally {
    await hub.close();
  }
  await resetPipeline(file, signal);
  await dropDatabase(servers.source, DATABASE, signal);
  await dropDatabase(servers.target, DATABASE, signal);
  return report(rows, outcomes);
}

interface Ends {
  sourceUrl: string;
  targetUrl: string;
  file: string;
  hub: Hub;
  rows: number;
}

/** Starts the services while the pipeline is paused, lets changes gather, and takes the time until they are through. */
async function oneRun(
  bench: Bench,
  { sourceUrl, targetUrl, file, hub, rows }: Ends,
  isMeasured: boolean,
  run: number,
): Promise<Outcome> {
  const { source, target, nats } = bench.servers;
  const signal = AbortSignal.any([bench.signal, AbortSignal.timeout(DEADLINE_MS)]);
  const services = await ObservedServices.start(bench, file, isMeasured, signal);
  try {
    // The first run makes the pipeline and copies the table.
    if (run === 0) await untilPhase(hub, 'streaming', signal);
    await desire(hub, 'paused', signal);
    await untilPhase(hub, 'paused', signal);
    await runSql(sourceUrl, changesOf(rows, run), signal);
    for (const url of [sourceUrl, targetUrl])
      for (const sql of [`VACUUM ${EVENTS_TABLE}`, 'CHECKPOINT']) await runSql(url, sql, signal);
    const pids = { ...services.pids, broker: nats.pid, source: source.pid, target: target.pid };
    const cpu = (): [string, number][] =>
      Object.entries(pids).map(([name, pid]) => [name, cpuOfTree(pid) / 1_000]);
    const before = new Map(cpu());
    const startedAtMs = performance.now();
    await desire(hub, 'running', signal);
    await untilArrived(targetUrl, run, signal);
    const seconds = (performance.now() - startedAtMs) / 1_000;
    const used = cpu().map(([name, at]) => [name, at - (before.get(name) ?? 0)] as const);
    const cpuSeconds = used.reduce((sum, [, each]) => sum + each, 0) / (rows / 1e6);
    const cores = Object.fromEntries(used.map(([name, each]) => [name, each / seconds]));
    await desire(hub, 'paused', signal);
    return { changesPerSecond: rows / seconds, cpuSeconds, cores };
  } finally {
    await services.stop();
  }
}

/** Every row once, in transactions of a hundred that are spread over the table, and rows that say which run it is. */
function changesOf(rows: number, run: number): string {
  return `DO $$ BEGIN
    FOR t IN 0..${Math.ceil(rows / A_TRANSACTION) - 1} LOOP
      UPDATE ${EVENTS_TABLE} SET title = 'changed ' || id || ' ' || ${run}, amount = amount + 1
        WHERE id IN (SELECT 1 + ((t * ${A_TRANSACTION} + i)::bigint * 7919) % ${rows} FROM generate_series(0, ${A_TRANSACTION - 1}) i);
      COMMIT;
    END LOOP;
    UPDATE ${EVENTS_TABLE} SET kind = ${-1 - run} WHERE id <= ${MARKERS};
  END $$`;
}

async function untilArrived(url: string, run: number, signal: AbortSignal): Promise<void> {
  const marked = `SELECT count(*)::int AS n FROM ${EVENTS_TABLE} WHERE id <= ${MARKERS} AND kind = ${-1 - run}`;
  while (Number((await runSql(url, marked, signal))[0]?.['n']) < MARKERS)
    await sleep(20, undefined, { signal });
}

async function desire(hub: Hub, desired: DesiredState, signal: AbortSignal): Promise<void> {
  const body = { op: 'desire' as const, desired };
  while (!(await askTarget(hub.control, PIPELINE, body).catch(() => false)))
    await sleep(100, undefined, { signal });
}

async function untilPhase(hub: Hub, phase: string, signal: AbortSignal): Promise<void> {
  let now = '';
  const stop = watchStatus(hub.control, PIPELINE, (status) => {
    if (status.service === 'source-reader') now = status.phase;
  });
  try {
    while (now !== phase) await sleep(50, undefined, { signal });
  } finally {
    stop();
  }
}

function report(rows: number, outcomes: Record<Kind, Outcome[]>): CaseReport {
  const of = (kind: Kind, figure: 'changesPerSecond' | 'cpuSeconds') =>
    summarize(outcomes[kind].map((outcome) => outcome[figure]));
  const change = (kind: Kind, figure: 'changesPerSecond' | 'cpuSeconds'): number =>
    of(kind, figure).median / of('bare', figure).median - 1;
  const percent = (share: number): string => `${share < 0 ? '' : '+'}${(share * 100).toFixed(1)} %`;
  const line = (kind: Kind): string => {
    const speed = of(kind, 'changesPerSecond');
    const cpu = of(kind, 'cpuSeconds');
    return `  ${kind.padEnd(9)}${speed.median.toFixed(0)} changes/s (${speed.least.toFixed(0)} to ${speed.most.toFixed(0)}), ${percent(change(kind, 'changesPerSecond'))}; CPU s a million ${cpu.median.toFixed(1)} (${cpu.least.toFixed(1)} to ${cpu.most.toFixed(1)}), ${percent(change(kind, 'cpuSeconds'))}`;
  };
  const loss = -change('measured', 'changesPerSecond');
  const noise = Math.abs(change('again', 'changesPerSecond'));
  return {
    name: 'overhead',
    failure:
      loss <= Math.max(LIMIT, noise)
        ? null
        : `measuring takes ${percent(loss)} of the throughput; at most ${percent(LIMIT)} is allowed, and equal runs differ by ${percent(noise)}`,
    lines: [
      `overhead: ${rows.toLocaleString('en-US')} changes; metrics scraped each second, stats and control with a client, against none of them; median (least to most)`,
      ...KINDS.map(line),
      ...(['bare', 'measured'] as const).map(
        (kind) => `  cores, ${kind}: ${coresLine(outcomes[kind])}`,
      ),
    ],
    figures: { rows, outcomes },
  };
}

function coresLine(outcomes: readonly Outcome[]): string {
  const names = Object.keys(outcomes[0]?.cores ?? {});
  const usual = (name: string): number => median(outcomes.map(({ cores }) => cores[name] ?? 0));
  return names.map((name) => `${name} ${usual(name).toFixed(3)}`).join(', ');
}
