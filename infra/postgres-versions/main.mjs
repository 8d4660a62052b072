// `npm run test:postgres -- [--versions 13,18,13:18] [--faults]`: the tests that meet PostgreSQL, or those with faults,
// on each of these versions, or from one to another, with servers from the registry.
import { spawn } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { countOutcomes, leftOut, printTable, readReport } from './outcome.mjs';
import { providePgDump } from './pg-dump.mjs';
import { BUILDS, provideVersion } from './provide-version.mjs';

/** With a source and a target of their own, which may be of two versions. */
const BOTH_ENDS = [
  'test/cases',
  'test/integration/postgres-versions.test.ts',
  'test/integration/values.test.ts',
  'test/integration/postgres-served.test.ts',
  'test/e2e/bad-input.test.ts',
  'test/e2e/copy-then-follow.test.ts',
  'test/e2e/every-change.test.ts',
  'test/e2e/grpc-both-ends.test.ts',
  'test/e2e/partitions.test.ts',
  'test/e2e/verify-and-reset.test.ts',
];
const FAULTS = ['--project', 'faults'];
const ONE_SERVER = ['source', 'source-check', 'sink', 'sink-structure', 'verifier'].map(
  (name) => `test/integration/postgres-${name}.test.ts`,
);

const root = path.resolve(import.meta.dirname, '..', '..');
const folder = path.join(root, '.weir', 'test-postgres');
const { values } = parseArgs({
  options: {
    versions: { type: 'string', default: [...BUILDS.keys(), '13:18', '18:13'].join() },
    faults: { type: 'boolean', default: false },
  },
});
const runs = values.versions.split(',').map((text) => {
  const [source = '', target = source] = text.split(':');
  return { name: text.replace(':', ' → '), file: text.replace(':', '-'), source, target };
});
const unknown = runs.flatMap(({ source, target }) => [source, target]).find((v) => !BUILDS.has(v));
if (unknown !== undefined) {
  say(`"${unknown}" is no version; use --versions with some of ${[...BUILDS.keys()].join()},13:18`);
  process.exit(2);
}

// What some tests judge by; that of the machine may be older than the servers.
const pgDump = await providePgDump(root, say);
/** @type {{ name: string; outcomes: import('./outcome.mjs').Outcome[] }[]} */
const columns = [];
for (const run of runs) {
  const log = path.join(folder, `${run.file}.log`);
  const report = path.join(folder, `${run.file}.json`);
  const [source, target] = [
    await provideVersion(root, run.source, say),
    await provideVersion(root, run.target, say),
  ];
  say(`PostgreSQL ${run.name}, log in ${path.relative(root, log)}`);
  await rm(report, { force: true });
  const structural = run.source === run.target ? [...ONE_SERVER, ...BOTH_ENDS] : BOTH_ENDS;
  await runTests(values.faults ? FAULTS : structural, {
    log,
    report,
    env: { WEIR_POSTGRES_BIN: source, WEIR_POSTGRES_BIN_TARGET: target, WEIR_PG_DUMP: pgDump },
  });
  const outcomes = existsSync(report) ? readReport(await readFile(report, 'utf8'), root) : [];
  for (const { file, failed } of outcomes)
    for (const title of failed) say(`  failed: ${file}: ${title}`);
  for (const line of leftOut(await readFile(log, 'utf8'))) say(`  ${line}`);
  columns.push({ name: run.name, outcomes });
}
process.stdout.write(printTable(columns));
const { passed, failed } = countOutcomes(columns.flatMap((column) => column.outcomes));
process.stdout.write(`${passed} passed, ${failed} failed\n`);
if (failed > 0 || columns.some(({ outcomes }) => outcomes.length === 0)) process.exitCode = 1;

/**
 * @param {string[]} files
 * @param {{ log: string; report: string; env: Record<string, string> }} options
 */
async function runTests(files, { log, report, env }) {
  await mkdir(folder, { recursive: true });
  const output = openSync(log, 'w');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const child = spawn('npx', ['vitest', 'run', ...files, ...reporters], {
    cwd: root,
    env: { ...process.env, ...env, NO_COLOR: '1' },
    stdio: ['ignore', output, output],
  });
  await new Promise((resolve) => child.once('close', resolve));
}

/** @param {string} line */
function say(line) {
  process.stderr.write(`${line}\n`);
}
