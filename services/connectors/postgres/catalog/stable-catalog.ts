import { pause } from '../../../../shared/lifecycle/backoff.ts';

const ATTEMPTS = 10;
const PAUSE_MS = 50;

/**
 * Reads the catalog again where something in it was dropped meanwhile: what prints an index or a default looks it up as it
 * is at that instant, whatever the statement or transaction sees, and fails where it is gone ("cache lookup failed").
 */
export async function readStable<T>(read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read();
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : null;
      if (code !== 'XX000' || attempt === ATTEMPTS) throw error;
      await pause(PAUSE_MS, new AbortController().signal);
    }
  }
}
