import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Bench, type CaseReport, type ResourceUsage, runDeadline } from '../bench.ts';
import { sizeOf } from '../bench-arguments.ts';
import { createFilledTables } from '../data/data-set.ts';
import { EVENTS_TABLE } from '../data/events.ts';
import {
  type ChangeLoad,
  waitForMarkers,
  withMarkers,
  writeMarkers,
} from '../loads/change-load.ts';
import { mixedLoad } from '../loads/event-loads.ts';
import { median } from '../measure/statistics.ts';
import { PipelineRun, resetPipeline, writePipelineFile } from '../pipeline-run.ts';
import { checkpoint, createDatabase, dropDatabase, runSql } from '../sql.ts';

const CHANGES = 300_000;
const DATABASE = 'transform';
const MODULE = `export default (row) => ({ ...row, title: row.title.toUpperCase() });\n`;

/** Each a pipeline of its own, and how the title at the target follows from that at the source. */
const STEPS: Record<string, { steps: object[]; title: string }> = {
  none: { steps: [], title: 'title' },
  'set, filter, hash': {
    steps: [
      { set: { kind: { cel: 'row.kind + 1' } } },
      { filter: 'row.kind > 0' },
      { hash: ['title'] },
    ],
    title: `encode(sha256(convert_to(title, 'UTF8')), 'hex')`,
  },
  module: { steps: [{ module: { file: 'MODULE' } }], title: 'upper(title)' },
};

interface Phase {
  seconds: number;
  usage: ResourceUsage;
}

/** What steps cost: processor time of the transformer, and what becomes of the rate, of a copy and of changes. */
export async function runTransform(bench: Bench): Promise<CaseReport> {
  const load = mixedLoad(sizeOf(bench.arguments, CHANGES));
  const phases = new Map<string, { copy: Phase[]; changes: Phase[] }>();
  for (let round = 0; round < bench.arguments.rounds; round++)
    for (const name of Object.keys(STEPS)) {
      const { copy, changed } = await oneRun(bench, name, load);
      bench.say(
        `transform: ${name}: copy ${copy.seconds.toFixed(1)} s, changes ${changed.seconds.toFixed(1)} s`,
      );
      const known = phases.get(name) ?? { copy: [], changes: [] };
      phases.set(name, { copy: [...known.copy, copy], changes: [...known.changes, changed] });
    }
  const lines = [
    `transform: ${load.rows} rows copied, then ${load.changes} changes, by the steps they go through`,
  ];
  for (const [what, amount] of [
    ['copy', load.rows],
    ['changes', load.changes],
  ] as const) {
    const secondsOf = (name: string): number =>
      median(phases.get(name)![what].map(({ seconds }) => seconds));
    for (const [name, measured] of phases) {
      const cpu = (service?: string): string =>
        median(
          measured[what].map(({ usage }) => cpuSeconds(usage, service) / (amount / 1e6)),
        ).toFixed(1);
      const rate = (amount / secondsOf(name)).toFixed(0);
      const ratio = (secondsOf('none') / secondsOf(name)).toFixed(2);
      lines.push(
        `  ${what}, ${name}: ${rate} rows/s, ${ratio} of none; CPU seconds a million rows: ${cpu('transformer')} transformer, ${cpu()} all services`,
      );
    }
  }
  return { name: 'transform', failure: null, lines, figures: Object.fromEntries(phases) };
}

async function oneRun(
  bench: Bench,
  name: string,
  load: ChangeLoad,
): Promise<{ copy: Phase; changed: Phase }> {
  const { source, target } = bench.servers;
  const signal = AbortSignal.any([bench.signal, runDeadline(bench)]);
  const { steps, title } = STEPS[name]!;
  const sourceUrl = await createDatabase(source, DATABASE, signal);
  const targetUrl = await createDatabase(target, DATABASE, signal);
  const data = withMarkers(load.data);
  await createFilledTables(sourceUrl, data, load.rows, signal);
  await checkpoint([source, target], signal);
  const module = path.join(bench.directory, 'transform.mjs');
  await writeFile(module, MODULE);
  const transforms = JSON.stringify(steps.map((step) => ({ ...step, on: [EVENTS_TABLE] }))).replace(
    'MODULE',
    module,
  );
  const ofCase = [`transforms: ${transforms}`];
  const file = await writePipelineFile(bench, data, sourceUrl, targetUrl, ofCase);
  try {
    const copying = await PipelineRun.start(bench, file, signal);
    await copying.ended;
    const from = copying.reachedAtMs('reader epoch began');
    const copy = {
      seconds: (copying.reachedAtMs('copy is in the target') - from) / 1000,
      usage: copying.usage,
    };
    await load.write(sourceUrl, signal);
    await writeMarkers(sourceUrl, signal);
    await checkpoint([source, target], signal);
    const following = await PipelineRun.start(bench, file, signal);
    const doneAtMs = await following.endWith((s) => waitForMarkers(targetUrl, s), signal);
    await following.ended;
    const changed = {
      seconds: (doneAtMs - following.reachedAtMs('reader epoch began')) / 1000,
      usage: following.usage,
    };
    await requireTitles(sourceUrl, targetUrl, title, signal);
    return { copy, changed };
  } finally {
    await resetPipeline(file, bench.signal);
    await dropDatabase(source, DATABASE, bench.signal);
    await dropDatabase(target, DATABASE, bench.signal);
  }
}

/** Of one service, or of all of them without the servers; since the reader began. */
function cpuSeconds({ workCpuMs }: ResourceUsage, service?: string): number {
  const isServer = (name: string): boolean => /^(postgres|nats)/.test(name);
  const counted = Object.entries(workCpuMs).filter(([name]) =>
    service === undefined ? !isServer(name) : name === service,
  );
  return counted.reduce((sum, [, ms]) => sum + ms, 0) / 1000;
}

/** The target has what the steps make of each title, which most changes touch. */
async function requireTitles(
  sourceUrl: string,
  targetUrl: string,
  title: string,
  signal: AbortSignal,
): Promise<void> {
  const sum = (of: string): string =>
    `SELECT count(*) || ' ' || md5(string_agg(md5(${of}), '' ORDER BY id)) AS sum FROM ${EVENTS_TABLE}`;
  const [expected] = await runSql(sourceUrl, sum(title), signal);
  const [found] = await runSql(targetUrl, sum('title'), signal);
  if (expected?.['sum'] !== found?.['sum'])
    throw new Error(
      `${EVENTS_TABLE} at the target is not what the steps make of that at the source`,
    );
}
