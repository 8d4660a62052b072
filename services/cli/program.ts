import { Command, InvalidArgumentError, Option } from 'commander';
import type { ControlFlags } from './commands/control.ts';
import type { RunOptions } from './commands/run.ts';
import { addConnectorCommands } from './connector/connector-program.ts';
import { addParkedCommands } from './parked/parked-program.ts';
import { weirVersion } from '../supervisor/weir-version.ts';

/**
 * The command line: names, arguments and flags. What a command does is in `commands/<name>.ts`, loaded only when it
 * is called, so that help comes at once. Each returns the exit code; `done` receives it.
 */
export function createProgram(done: (exitCode: number) => void): Command {
  const program = new Command('weir')
    .description(
      'Moves data between databases and keeps it moving: copy, then follow every change.',
    )
    .option('--debug', 'show the stack of an error')
    .version(weirVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'weir: ')),
    })
    .showHelpAfterError('(weir --help shows what there is)');

  program
    .command('run')
    .summary('run a pipeline on this machine until stopped')
    .description('Run everything a pipeline needs on this machine until stopped.')
    .argument('<file>', 'the pipeline file')
    .addOption(
      new Option(
        '--until <state>',
        '`caught-up`: exit once the target holds what the source held',
      ).choices(['caught-up']),
    )
    .option('--writers <n>', 'target-writer processes, instead of those in the file', count(1, 40))
    .addOption(metricsListen())
    .option(
      '--listen <address>',
      'also serve the control API and the console of this pipeline: a port or host:port',
    )
    .addOption(tokens())
    .option('--report <file>', 'write the final report of a finite pipeline as JSON')
    .option('--verify', 'compare both ends when it has caught up or finished; 1 where they differ')
    .action(async (file: string, options: RunOptions) =>
      done(await (await import('./commands/run.ts')).runRun(file, options)),
    );

  program
    .command('check')
    .summary('say whether a pipeline can run, and what to change if not')
    .description(
      'Connect to both ends and check rights, settings, keys and types; nothing is changed.',
    )
    .argument('<file>', 'the pipeline file')
    .option('--json', 'print the result as JSON', false)
    .action(async (file: string, options: { json: boolean }) =>
      done(await (await import('./commands/check.ts')).runCheck(file, options)),
    );

  program
    .command('verify')
    .summary('compare source and target row by row')
    .description('Compare source and target row by row, by hash; safe while changes flow.')
    .argument('<file>', 'the pipeline file')
    .option('--json', 'print the result as JSON', false)
    .option(
      '--settle <seconds>',
      'how long a change may be in flight before it counts as a difference',
      count(0, 3600),
      10,
    )
    .action(async (file: string, options: { json: boolean; settle: number }) =>
      done(await (await import('./commands/verify.ts')).runVerify(file, options)),
    );

  program
    .command('status')
    .summary('show states, lag and rates of running pipelines')
    .argument('[name]', 'a pipeline; default: all of them')
    .option('--json', 'print the result as JSON', false)
    .action(async (name: string | undefined, options: { json: boolean }) =>
      done(await (await import('./commands/status.ts')).runStatus(name, options)),
    );

  program
    .command('top')
    .summary('watch running pipelines, live')
    .description(
      'Show every running pipeline in a table that is redrawn every second; outside a terminal, print it once.',
    )
    .action(async () => done(await (await import('./commands/top.ts')).runTop()));

  program
    .command('service')
    .summary('run one service alone, for distributed deployment')
    .argument('<name>', 'source-reader, transformer, target-writer or stats')
    .requiredOption('--pipeline <file>', 'the pipeline file')
    .addOption(metricsListen())
    .action(async (name: string, options: { pipeline: string; metricsListen?: string }) =>
      done(await (await import('./commands/service.ts')).runService(name, options)),
    );

  addControlCommands(program, done);

  addConnectorCommands(program, done);

  program
    .command('transform')
    .summary('see what the steps of a pipeline do')
    .command('test')
    .summary('take real rows through the steps and show them before and after; writes nothing')
    .argument('<file>', 'the pipeline file')
    .option('--sample <n>', 'rows of each namespace to show', count(1, 10_000), 3)
    .option('--json', 'print the result as JSON', false)
    .action(async (file: string, options: { sample: number; json: boolean }) =>
      done(await (await import('./commands/transform.ts')).runTransformTest(file, options)),
    );

  const lifecycle = [
    ['pause', 'paused', 'read no more until resumed; what was read is still written'],
    ['resume', 'running', 'go on after a pause or a stop'],
    ['stop', 'stopped', 'finish what is in flight, and end `weir run`'],
  ] as const;
  for (const [name, desired, summary] of lifecycle)
    program
      .command(name)
      .summary(summary)
      .argument('<name>', 'the pipeline')
      .action(async (pipeline: string) =>
        done(await (await import('./commands/lifecycle.ts')).runLifecycle(pipeline, desired)),
      );

  addParkedCommands(program, done);

  program
    .command('reset')
    .summary('remove what a pipeline created, but not the data')
    .description(
      'Remove what a pipeline created at the source, at the target and in NATS; the copied data stays. With a name instead of a file, the services of a paused or stopped pipeline do it, wherever they run, and its reader then exits.',
    )
    .argument('<pipeline>', 'the pipeline file, or the name of a pipeline whose services are idle')
    .action(async (pipeline: string) =>
      done(await (await import('./commands/reset.ts')).runReset(pipeline)),
    );

  program
    .command('demo')
    .summary('copy and follow a generated shop between two servers of its own')
    .description(
      'Start two databases and NATS, copy and follow a generated shop, and prove both ends equal.',
    )
    .option('--stay', 'keep everything running until Ctrl-C', false)
    .option('--rows <n>', 'rows to generate, about', count(1_000, 100_000_000), 300_000)
    .option('--seconds <n>', 'how long to keep writing', count(1, 86_400), 20)
    .action(async (options: { stay: boolean; rows: number; seconds: number }) =>
      done(await (await import('./commands/demo.ts')).runDemo(options)),
    );

  return program;
}

function addControlCommands(program: Command, done: (exitCode: number) => void): void {
  const load = () => import('./commands/control.ts');
  const control = program
    .command('control')
    .summary('serve the control API and the console for many pipelines')
    .description(
      'Serve the API and the console of all pipelines on one NATS server (WEIR_NATS_URL, else one of its own): create pipelines from files, run their services here, and show those that run elsewhere.',
    )
    .argument('[files...]', 'pipelines that run elsewhere and whose databases control may compare')
    .option(
      '--listen <address>',
      'a port of this machine, or host:port, which needs tokens',
      '8080',
    )
    .option(
      '--state <folder>',
      'where the files of created pipelines are kept; default: `weir/control` in XDG_STATE_HOME',
    )
    .addOption(tokens())
    .addOption(metricsListen())
    .action(async (files: string[], flags: ControlFlags) =>
      done(await (await load()).runControl(files, flags)),
    );
  control
    .command('token')
    .summary('make a token for somebody who may use the API')
    .argument('<name>', 'who it is for; events say so')
    .action(async (name: string) => done(await (await load()).runControlToken(name)));
}

function tokens(): Option {
  return new Option(
    '--tokens <file>',
    'tokens of those who may use it, one NAME:TOKEN a line, beside those of WEIR_CONTROL_TOKENS',
  );
}

function metricsListen(): Option {
  return new Option(
    '--metrics-listen <address>',
    'where metrics are served, instead of WEIR_METRICS_LISTEN: a port or host:port',
  );
}

function count(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    return value;
  };
}
