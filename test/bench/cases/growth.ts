import { sizeOf } from '../bench-arguments.ts';
import { type Bench, type CaseReport, runDeadline, type Measurement } from '../bench.ts';
import { createFilledTables, createTables, type DataSet } from '../data/data-set.ts';
import { EVENTS } from '../data/events.ts';
import { manyTables } from '../data/shapes.ts';
import { requireEqual } from '../equality.ts';
import { summarize } from '../measure/statistics.ts';
import { memoryLine } from '../report/usage-lines.ts';
import { createDatabase, dropDatabase } from '../sql.ts';
import { copyByWeir } from './copy.ts';

interface Size {
  name: string;
  data: DataSet;
  rows: number;
  /** For the pipeline file. */
  setting?: string;
}

const ROWS = 200_000;
const ROWS_OF_A_TABLE = 1_000;
const TIMES = 10;
const TABLES = 20;
const LANES = 6;
const DATABASE = 'growth';

/** By name: what a row costs, and what it costs when there is ten times as much of something. */
export const GROWTH_CASES: Record<string, (bench: Bench) => Promise<CaseReport>> = {
  'growth-rows': (bench) => {
    const rows = sizeOf(bench.arguments, ROWS);
    return runGrowth(bench, 'growth-rows', [
      { name: `${rows} rows`, data: EVENTS, rows },
      { name: `${rows * TIMES} rows`, data: EVENTS, rows: rows * TIMES },
    ]);
  },
  'growth-tables': (bench) =>
    runGrowth(
      bench,
      'growth-tables',
      [TABLES, TABLES * TIMES].map((tables) => ({
        name: `${tables} tables of ${ROWS_OF_A_TABLE} rows`,
        data: manyTables(tables),
        rows: tables * ROWS_OF_A_TABLE,
      })),
    ),
  'growth-lanes': (bench) => {
    const rows = sizeOf(bench.arguments, ROWS);
    return runGrowth(
      bench,
      'growth-lanes',
      [LANES, LANES * TIMES].map((lanes) => ({
        name: `${lanes} lanes, ${rows} rows`,
        data: EVENTS,
        rows,
        setting: `lanes: ${lanes}`,
      })),
    );
  },
};

/** Copies each size in turn; the first one is what the others are compared with. */
async function runGrowth(bench: Bench, name: string, sizes: readonly Size[]): Promise<CaseReport> {
  const runs: Measurement[][] = sizes.map(() => []);
  for (let round = 0; round < bench.arguments.rounds; round++)
    for (const [i, size] of sizes.entries()) {
      const measured = await oneCopy(bench, size, runDeadline(bench));
      runs[i]!.push(measured);
      bench.say(`${name}: ${size.name} took ${cpuPerMillion(size, measured).toFixed(1)} CPU s/M`);
    }
  const costs = sizes.map((size, i) => summarize(runs[i]!.map((run) => cpuPerMillion(size, run))));
  return {
    name,
    failure: null,
    lines: [
      `${name}: CPU seconds of all processes per million rows copied, from the first read on; median of ${bench.arguments.rounds} (least to most)`,
      ...sizes.flatMap((size, i) => {
        const { median, least, most } = costs[i]!;
        const factor = (median / costs[0]!.median).toFixed(2);
        return [
          `  ${size.name}: ${median.toFixed(1)} (${least.toFixed(1)} to ${most.toFixed(1)}), ${factor} of the first`,
          `  ${memoryLine(runs[i]!)}`,
        ];
      }),
    ],
    figures: {
      sizes: sizes.map((size, i) => ({ name: size.name, rows: size.rows, runs: runs[i] })),
    },
  };
}

async function oneCopy(bench: Bench, size: Size, signal: AbortSignal): Promise<Measurement> {
  const { source, target } = bench.servers;
  const sourceUrl = await createDatabase(source, DATABASE, signal);
  const targetUrl = await createDatabase(target, DATABASE, signal);
  await createFilledTables(sourceUrl, size.data, size.rows, signal);
  await createTables(targetUrl, size.data, signal);
  const settings = size.setting === undefined ? [] : [size.setting];
  const measured = await copyByWeir(
    bench,
    size.data,
    sourceUrl,
    targetUrl,
    size.rows,
    signal,
    settings,
  );
  await requireEqual(sourceUrl, targetUrl, size.data, signal);
  await dropDatabase(target, DATABASE, signal);
  await dropDatabase(source, DATABASE, signal);
  return measured;
}

function cpuPerMillion({ rows }: Size, { usage }: Measurement): number {
  return (Object.values(usage.workCpuMs).reduce((sum, ms) => sum + ms, 0) * 1000) / rows;
}
