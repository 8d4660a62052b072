import type { Bench, CaseReport } from '../bench.ts';
import { runDeadline } from '../bench.ts';
import { sizeOf } from '../bench-arguments.ts';
import { createFilledTables, createTables, tableBytes } from '../data/data-set.ts';
import { EVENTS } from '../data/events.ts';
import { requireEqual } from '../equality.ts';
import { peakBytes } from '../report/usage-lines.ts';
import { createDatabase, dropDatabase } from '../sql.ts';
import { copyByWeir } from './copy.ts';

const ROWS = 5_000_000;
const DATABASE = 'memory';
const LIMIT_BYTES = 256 * 2 ** 20;
/** The broker is the user's; the limit is for what is ours. */
const NOT_OURS = ['nats-server'];

/** Copies a large table and looks at how much memory each process takes at most. */
export async function runMemory(bench: Bench): Promise<CaseReport> {
  const { source, target } = bench.servers;
  const signal = AbortSignal.any([bench.signal, runDeadline(bench)]);
  const rows = sizeOf(bench.arguments, ROWS);
  bench.say(`memory: writing ${rows} rows`);
  const sourceUrl = await createDatabase(source, DATABASE, signal);
  await createFilledTables(sourceUrl, EVENTS, rows, signal);
  const targetUrl = await createDatabase(target, DATABASE, signal);
  await createTables(targetUrl, EVENTS, signal);
  const megabytes = Math.round((await tableBytes(sourceUrl, EVENTS, signal)) / 1e6);
  bench.say(`memory: copying ${megabytes} MB`);
  const measured = await copyByWeir(bench, EVENTS, sourceUrl, targetUrl, rows, signal);
  await requireEqual(sourceUrl, targetUrl, EVENTS, signal);
  await dropDatabase(source, DATABASE, signal);
  await dropDatabase(target, DATABASE, signal);
  const peaks = Object.entries(peakBytes([measured]));
  const over = peaks.filter(([name, bytes]) => bytes > LIMIT_BYTES && !NOT_OURS.includes(name));
  return {
    name: 'memory',
    failure:
      over.length === 0
        ? null
        : `${over.map(([name]) => name).join(' and ')} took more than ${LIMIT_BYTES / 2 ** 20} MB`,
    lines: [
      `memory: ${rows.toLocaleString('en-US')} rows, ${megabytes} MB, copied in ${((measured.spans['reading'] ?? Number.NaN) / 1000).toFixed(1)} s; most resident memory`,
      ...peaks.map(([name, bytes]) => `  ${name.padEnd(16)}${Math.round(bytes / 2 ** 20)} MB`),
    ],
    figures: { rows, ...measured },
  };
}
