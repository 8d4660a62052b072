import { DatasyncError } from '../datasync-error.ts';

/** Longer than the client gives a request of its own, which says better what is wrong. */
const BROKER_MS = 15_000;

/** What a call of NATS' client comes to: its promises may wait for a message that the server never sends. */
export async function inTime<T>(doing: string, call: Promise<T>, mostMs = BROKER_MS): Promise<T> {
  let giveUp: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const sentence = `NATS does not answer (${doing} took longer than ${mostMs / 1_000} s)`;
    giveUp = setTimeout(() => reject(new DatasyncError('UNREACHABLE', sentence)), mostMs);
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(giveUp);
  }
}
