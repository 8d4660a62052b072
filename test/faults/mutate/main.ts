import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { projectRoot } from '../../../services/supervisor/embedded/project-root.ts';
import { MUTATIONS } from './mutations.ts';
import type { Mutation } from './mutation.ts';

/**
 * `npm run faults:mutate [-- --only TEXT]`: shows that the tests can fail. In a copy of the project one safety step
 * after the other is taken out and the tests that guard it are run; they must turn red. Ends with 1 where one stays
 * green, or where the tests fail with every step in place.
 */
const run = promisify(execFile);
const TEST_TIMEOUT_MS = 600_000;

interface Failure {
  test: string;
  reason: string;
}

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });
const chosen = MUTATIONS.filter(({ name }) => name.includes(values.only));
const copy = await copyProject();
const survivors: string[] = [];
try {
  for (const mutation of chosen) {
    const originals = await apply(mutation);
    await run('npm', ['run', 'build'], { cwd: copy });
    const failed = await firstThatFails(mutation.tests);
    process.stdout.write(
      failed === null
        ? `GREEN without: ${mutation.name}\n`
        : `red   without: ${mutation.name} (${failed.test}: ${failed.reason})\n`,
    );
    if (failed === null) survivors.push(mutation.name);
    for (const [file, text] of originals) await writeFile(file, text);
  }
  await run('npm', ['run', 'build'], { cwd: copy });
  const tests = [...new Set(chosen.flatMap((mutation) => mutation.tests))];
  const broken = await firstThatFails(tests);
  process.stdout.write(
    broken === null
      ? 'green with every step in place\n'
      : `${broken.test} fails with every step in place, nothing was shown: ${broken.reason}\n`,
  );
  if (broken !== null || survivors.length > 0) process.exitCode = 1;
} finally {
  await rm(copy, { recursive: true, force: true });
}

async function copyProject(): Promise<string> {
  const root = projectRoot();
  const target = await mkdtemp(path.join(tmpdir(), 'weir-mutate-'));
  const { stdout } = await run('git', ['ls-files', '-z'], { cwd: root });
  for (const file of stdout.split('\0').filter((name) => name !== '')) {
    await mkdir(path.dirname(path.join(target, file)), { recursive: true });
    await cp(path.join(root, file), path.join(target, file));
  }
  // Servers that the set-up fetched are in the second.
  for (const folder of ['node_modules', '.weir'])
    if (existsSync(path.join(root, folder)))
      await symlink(path.join(root, folder), path.join(target, folder));
  return target;
}

/** Returns what the files held before. */
async function apply({ name, edits }: Mutation): Promise<Map<string, string>> {
  const originals = new Map<string, string>();
  for (const { file, find, replace } of edits) {
    const where = path.join(copy, file);
    const text = await readFile(where, 'utf8');
    if (text.split(find).length !== 2)
      throw new Error(`"${name}": its text does not occur exactly once in ${file}; correct it`);
    if (!originals.has(where)) originals.set(where, text);
    await writeFile(
      where,
      text.replace(find, () => replace),
    );
  }
  return originals;
}

async function firstThatFails(tests: readonly string[]): Promise<Failure | null> {
  for (const test of tests) {
    const reason = await whyItFails(test);
    if (reason !== null) return { test, reason };
  }
  return null;
}

/** What the first failure says, for whoever judges whether it is the right one; null where all pass. */
function whyItFails(test: string): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const child = spawn('npx', ['vitest', 'run', test], {
      cwd: copy,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
      timeout: TEST_TIMEOUT_MS,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (piece: Buffer) => void (output += piece.toString()));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) return resolve(null);
      // A test that hangs has failed, too.
      const said = /^ *\S*Error: .*(\n {2}\S.*)?/m.exec(output)?.[0] ?? `it ended with ${code}`;
      resolve(said.replaceAll(/\s+/g, ' ').trim().slice(0, 200));
    });
  });
}
