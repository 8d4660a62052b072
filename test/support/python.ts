import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

/** What the example needs, by the names under which pip installs it and Python knows it. */
const PACKAGES = { grpcio: 'grpc', 'grpcio-tools': 'grpc_tools', pymongo: 'bson' };

/** A Python with gRPC: what WEIR_PYTHON names, which then must have it, or the one of this machine if it has it. */
export function findPython(): string | undefined {
  const named = process.env['WEIR_PYTHON'];
  if (named !== undefined && named !== '') return named;
  try {
    const imports = `import ${Object.values(PACKAGES).join(', ')}`;
    execFileSync('python3', ['-c', imports], { stdio: 'ignore', timeout: 30_000 });
    return 'python3';
  } catch {
    return undefined;
  }
}

export const MISSING_PYTHON = `no python3 with gRPC here (pip install ${Object.keys(PACKAGES).join(' ')}, or name one that has it in WEIR_PYTHON)`;

/** Runs a program in Python until the test is finished; returns the first line that it prints. */
export async function startPython(file: string): Promise<string> {
  const child = spawn(findPython()!, ['-u', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (complaints += chunk));
  return new Promise((resolve, reject) => {
    createInterface(child.stdout).once('line', resolve);
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`it ended with ${code}: ${complaints}`)));
  });
}
