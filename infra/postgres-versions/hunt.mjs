// `npm run hunt -- [--postgres 18 | --postgres 13,18] …`: the hunt, on servers of that version or from the first to the
// second, fetched where they are not there yet; everything else is given on.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { providePgDump } from './pg-dump.mjs';
import { BUILDS, provideVersion } from './provide-version.mjs';

const root = path.resolve(import.meta.dirname, '..', '..');
const args = process.argv.slice(2);
const at = args.indexOf('--postgres');
/** @type {Record<string, string>} */
const env = {};
if (at >= 0) {
  const [, text = ''] = args.splice(at, 2);
  const [source = '', target = source, ...more] = text.split(',');
  if (more.length > 0 || !BUILDS.has(source) || !BUILDS.has(target)) {
    say(`"${text}" is no version; use --postgres 18, or 13,18 for a source of 13 and a target of 18; there are ${[...BUILDS.keys()].join()}`); // prettier-ignore
    process.exit(2);
  }
  env['WEIR_POSTGRES_BIN'] = await provideVersion(root, source, say);
  env['WEIR_POSTGRES_BIN_TARGET'] = await provideVersion(root, target, say);
  env['WEIR_PG_DUMP'] = await providePgDump(root, say);
}
const program = path.join(root, 'dist', 'test', 'hunt', 'main.js');
const child = spawn(process.execPath, [program, ...args], {
  stdio: 'inherit',
  env: { ...process.env, ...env },
});
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM']))
  process.on(signal, () => child.kill(signal));
child.once('close', (code) => (process.exitCode = code ?? 1));

/** @param {string} line */
function say(line) {
  process.stderr.write(`${line}\n`);
}
