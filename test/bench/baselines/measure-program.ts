import { spawn } from 'node:child_process';
import type { Measurement } from '../bench.ts';
import { awaitSuccess } from '../child-success.ts';
import { ResourceMeter, type MeteredServers } from '../measure/resource-meter.ts';

export interface Program {
  name: string;
  command: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
}

/** Runs a program that does the whole work, and its children, from start to exit. */
export async function measureProgram(
  { name, command, args, env }: Program,
  servers: MeteredServers,
  signal: AbortSignal,
): Promise<Measurement> {
  const startedAt = performance.now();
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    signal,
  });
  let complaint = '';
  child.stderr.on(
    'data',
    (text: Buffer) => (complaint = `${complaint}${text.toString()}`.slice(-2_000)),
  );
  const meter = new ResourceMeter(servers, child.pid, () => name);
  try {
    await awaitSuccess(child, name);
    const whole = performance.now() - startedAt;
    return { spans: { whole }, usage: meter.stop() };
  } catch (cause) {
    throw new Error(`${name} failed; it says: ${complaint}`, { cause });
  } finally {
    meter.stop();
  }
}
