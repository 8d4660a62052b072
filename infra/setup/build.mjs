import { existsSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { SetupError } from './setup-error.mjs';
import { fingerprintOfFiles, readStamp, writeStamp } from './stamp.mjs';

const SOURCES = [
  'package-lock.json',
  'proto',
  'shared',
  'services',
  'test',
  'infra',
  'tsconfig.base.json',
];
const DAY_MS = 86_400_000;
const PATTERN = /\.(ts|mjs)$|tsconfig[^/]*\.json$|package-lock\.json$/;

/** Programs, each in a file of its own; what several of them share is in `dist/chunks`. */
const PROGRAMS = [
  'services/cli/main.ts',
  'infra/docs/generate.ts',
  'infra/docs/sentences.ts',
  // For the set-up itself, and for a test that starts servers from outside.
  'infra/mysql/mysql-binaries.ts',
  'services/supervisor/embedded/nats-binary.ts',
  'services/supervisor/embedded/nats-server.ts',
  'infra/postgres/postgres-binaries.ts',
  'infra/postgres/postgres-server.ts',
  'infra/health/health-check.ts',
  'test/bench/main.ts',
  'test/bench/measure/profile-hook.ts',
  'test/faults/main.ts',
  'test/faults/mutate/main.ts',
  'test/hunt/main.ts',
];

/**
 * Makes the programs in dist/ anew when a source has changed since they were made here last: a second's work, since types
 * are looked at by `npm run check` alone.
 *
 * @param {string} root
 * @param {(line: string) => void} say
 */
export async function buildIfStale(root, say) {
  const stamp = path.join(root, 'dist', '.built');
  const wanted = await fingerprintOfFiles(root, SOURCES, PATTERN);
  const isBuilt = existsSync(path.join(root, 'dist', 'services', 'cli', 'main.js'));
  if (isBuilt && (await readStamp(stamp)) === wanted) return;
  say('building (esbuild)');
  await rm(stamp, { force: true });
  try {
    await bundle(root);
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw new SetupError(`the build failed; correct what it names: ${found}`);
  }
  await writeStamp(stamp, wanted);
}

/** @param {string} root */
async function bundle(root) {
  // Not before the dependencies are installed.
  const { build } = await import('esbuild');
  const dist = path.join(root, 'dist');
  const common = /** @type {const} */ ({
    absWorkingDir: root,
    outbase: root,
    outdir: dist,
    bundle: true,
    format: 'esm',
    sourcemap: true,
    logLevel: 'silent',
  });
  const { metafile } = await build({
    ...common,
    metafile: true,
    entryPoints: PROGRAMS,
    platform: 'node',
    target: 'node20',
    packages: 'external',
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
  });
  await build({
    ...common,
    entryPoints: ['services/control/console/main.ts'],
    platform: 'browser',
    target: 'es2023',
  });
  await removeOldChunks(root, new Set(Object.keys(metafile.outputs)));
}

/**
 * Names of chunks change with what is in them. Those of yesterday go, those of today may be what a process that runs has yet
 * to load.
 *
 * @param {string} root
 * @param {ReadonlySet<string>} made
 */
async function removeOldChunks(root, made) {
  for (const name of await readdir(path.join(root, 'dist', 'chunks'))) {
    const file = path.join('dist', 'chunks', name);
    const { mtimeMs } = await stat(path.join(root, file));
    if (!made.has(file) && Date.now() - mtimeMs > DAY_MS) await rm(path.join(root, file));
  }
}
