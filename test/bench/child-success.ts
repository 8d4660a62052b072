import type { ChildProcess } from 'node:child_process';

/** The exit of a child; rejects when it cannot be started, is aborted or ends with another code than 0. */
export function awaitSuccess(child: ChildProcess, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${what} ended with ${signal ?? code}`));
    });
  });
}
