// What `npm start`, `npm test` and `npm run check` call first: everything they need and that is missing. Plain Node,
// since nothing may be installed yet. It prints a line only where it does something.
import path from 'node:path';
import { buildIfStale } from './build.mjs';
import { provideChromium } from './chromium.mjs';
import { installDependencies } from './dependencies.mjs';
import { withLock } from './lock.mjs';
import { provideMariadb } from './mariadb.mjs';
import { provideMysql } from './mysql.mjs';
import { provideNats } from './nats.mjs';
import { provideNode } from './node-version.mjs';
import { providePostgres } from './postgres.mjs';
import { providePrometheus } from './prometheus.mjs';
import { lookForPython } from './python.mjs';
import { SetupError } from './setup-error.mjs';

const root = path.resolve(import.meta.dirname, '..', '..');
/** For `npm test`: what only tests need. */
const withTestTools = process.argv.includes('--test-tools');
const withServers = !process.argv.includes('--no-servers');

/** @param {string} line */
const say = (line) => void process.stderr.write(`set-up: ${line}\n`);

try {
  provideNode();
  await withLock(path.join(root, '.weir', 'setup.lock'), say, async () => {
    await installDependencies(root, say);
    await buildIfStale(root, say);
    if (withServers) {
      await provideNats(root, say);
      await providePostgres(root, say);
      if (withTestTools) {
        await providePrometheus(root, say);
        await provideChromium(say);
        await provideMariadb(root, say);
        await provideMysql(root, say);
        await lookForPython(say);
      }
    }
  });
} catch (error) {
  const isPlain = error instanceof SetupError || (error instanceof Error && 'code' in error);
  process.stderr.write(
    `set-up: ${isPlain ? error.message : String(error instanceof Error ? error.stack : error)}\n`,
  );
  process.exitCode = 3;
}
