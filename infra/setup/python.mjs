import { runCommand } from './command.mjs';

/**
 * The connector in Python is tested where Python has what it needs, and left out, aloud, elsewhere: packages of Python are
 * for their owner to install.
 *
 * @param {(line: string) => void} say
 */
export async function lookForPython(say) {
  // What is named must do: the test then says what it lacks.
  if ((process.env['WEIR_PYTHON'] ?? '') !== '') return;
  const { ok } = await runCommand('python3', ['-c', 'import grpc, grpc_tools, bson'], '/');
  if (!ok)
    say(
      'no python3 with gRPC here (pip install grpcio grpcio-tools pymongo, or name one in WEIR_PYTHON): the test of the connector in Python is left out',
    );
}
