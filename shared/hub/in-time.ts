import { WeirError } from '../errors/weir-error.ts';

/** Longer than the client gives a request of its own, which says better what is wrong. */
const BROKER_MS = 15_000;

/**
 * What a call of the client comes to, or UNREACHABLE: a promise of the client may wait for a message that the server
 * will never send. Every call of it that promises something goes through here; lint sees to that.
 */
export async function inTime<T>(doing: string, call: Promise<T>, mostMs = BROKER_MS): Promise<T> {
  let giveUp: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    giveUp = setTimeout(
      () =>
        reject(
          new WeirError(
            'UNREACHABLE',
            `NATS does not answer (${doing} took longer than ${mostMs / 1_000} s); look into its log: its disk may be full or broken, or the machine overloaded`,
          ),
        ),
      mostMs,
    );
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(giveUp);
  }
}

/** All that a list of the client has, page by page. */
export async function listInTime<T>(doing: string, list: { next(): Promise<T[]> }): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const page = await inTime(doing, list.next());
    if (page.length === 0) return all;
    all.push(...page);
  }
}
