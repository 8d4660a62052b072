import { type Command, InvalidArgumentError } from 'commander';
import type { ConnectorTestOptions } from '../commands/connector-test.ts';
import type { ServeOptions } from '../commands/connector.ts';

/** `weir connector …`: for other programs, and for authors of connectors. */
export function addConnectorCommands(program: Command, done: (exitCode: number) => void): void {
  const connector = program
    .command('connector')
    .summary('let other programs use a connector, or test one')
    .description(
      'Let other programs use a connector over gRPC, or test a connector that somebody else wrote.',
    );

  connector
    .command('serve')
    .summary('serve a connector over gRPC (adiom.v1) until stopped')
    .argument('<url>', 'the store, as in a pipeline file')
    .requiredOption('--listen <host:port>', 'where to listen; port 0 takes a free one')
    .option(
      '--name <name>',
      'name of its one reader; what is kept at the store is named after it',
      'served',
    )
    .option('--tls-cert <file>', 'certificate in PEM; without it the connection is not encrypted')
    .option('--tls-key <file>', 'its key in PEM')
    .option('--tls-client-ca <file>', 'peers must have a certificate of this authority')
    .option('--token-file <file>', 'peers must send the token in this file')
    .option('--token-env <variable>', 'peers must send the token in this variable')
    .option(
      '--confirm-after <duration>',
      'release changes that were sent to the reader this long ago, while it keeps reading; `never`: only when it reconnects',
      '1h',
    )
    .action(async (url: string, options: ServeOptions) =>
      done(await (await import('../commands/connector.ts')).runConnectorServe(url, options)),
    );

  connector
    .command('forget')
    .summary('remove what a store keeps for the reader of a served connector')
    .argument('<url>', 'the store, as in a pipeline file')
    .option('--name <name>', 'as it was served', 'served')
    .action(async (url: string, options: { name: string }) =>
      done(await (await import('../commands/connector.ts')).runConnectorForget(url, options)),
    );

  connector
    .command('test')
    .summary('test any connector against the protocol, over gRPC')
    .description(
      'Test a connector against adiom.v1: print what fails and what to do about it. Rows are read; they are written only into the namespace that --write names.',
    )
    .argument('<url>', 'grpc://HOST:PORT or grpcs://HOST:PORT')
    .option('--namespace <namespace>', 'to read; default: what the connector plans by itself')
    .option('--write <namespace>', 'to write documents with the fields _id and k into')
    .option('--wait <seconds>', 'how long to wait for a change or a heartbeat', seconds, 5)
    .option('--json', 'print the result as JSON', false)
    .action(async (url: string, options: ConnectorTestOptions) =>
      done(await (await import('../commands/connector-test.ts')).runConnectorTest(url, options)),
    );
}

function seconds(text: string): number {
  if (!/^\d{1,4}$/.test(text) || Number(text) < 1)
    throw new InvalidArgumentError('It must be a whole number of seconds.');
  return Number(text);
}
