import { CommanderError } from 'commander';
import { redactUrls } from '../../shared/config/redact-url.ts';
import { isAbort, toWeirError } from '../../shared/errors/weir-error.ts';
import { createProgram } from './program.ts';

/** Runs one command line; the result is the exit code. Never rejects: what goes wrong becomes a line and a code. */
export async function runCommand(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  try {
    const program = createProgram((code) => (exitCode = code));
    if (argv.length === 0) program.help({ error: true });
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has printed its own line; a wrong command line is a wrong configuration.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return reportError(error, argv.includes('--debug'));
  }
}

/** Prints what went wrong to the user and returns the exit code for it. */
export function reportError(error: unknown, debug: boolean): number {
  if (isAbort(error)) return 130;
  const weirError = toWeirError(error);
  process.stderr.write(`weir: ${redactUrls(weirError.message)}\n`);
  if (debug) process.stderr.write(`${redactUrls(stacks(weirError))}\n`);
  else if (weirError.code === 'INTERNAL')
    process.stderr.write(
      'weir: this is a defect; run the same command with --debug and report it\n',
    );
  return weirError.exitCode;
}

function stacks(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\ncaused by ${stacks(error.cause)}` : own;
}
