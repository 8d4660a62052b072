import { toWeirError } from '../../shared/errors/weir-error.ts';
import { reportError, runCommand } from './run-command.ts';

const argv = process.argv.slice(2);

// Whoever read our output has gone (`weir verify … | head`): nothing is left to say, and to nobody.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(141);
    throw error;
  });

process.on('uncaughtException', (error) => {
  // Also an abort that nobody waited for: without a word it would look like a Ctrl-C that was obeyed.
  process.exit(reportError(toWeirError(error), argv.includes('--debug')));
});

process.exit(await runCommand(argv));
