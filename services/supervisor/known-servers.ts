import { toWeirError, type WeirError } from '../../shared/errors/weir-error.ts';
import { connectHub, hostsOf, type Hub } from '../../shared/hub/hub.ts';
import { readRunFiles } from './run-file.ts';

/** The NATS server named by the environment, and those that running `weir run` commands use. */
export async function knownNatsUrls(): Promise<Set<string>> {
  const urls = new Set((await readRunFiles()).map((run) => run.natsUrl));
  const named = process.env['WEIR_NATS_URL'];
  if (named !== undefined && named !== '') urls.add(named);
  return urls;
}

/**
 * Asks one known server after the other until one has an answer, or tells which were asked; null where none is known. A
 * server that cannot be reached is passed over, as the runs that it belongs to may just be ending, unless all are so.
 */
export async function askKnownServers<T>(
  name: string,
  ask: (hub: Hub, url: string) => Promise<T | null>,
): Promise<{ answer: T } | { asked: string } | null> {
  const urls = [...(await knownNatsUrls())];
  const failures: WeirError[] = [];
  for (const url of urls) {
    const hub = await connectHub({ url, name }).catch((thrown: unknown) => {
      const error = toWeirError(thrown);
      if (error.code !== 'UNREACHABLE') throw error;
      failures.push(error);
      return null;
    });
    if (hub === null) continue;
    try {
      const answer = await ask(hub, url);
      if (answer !== null) return { answer };
    } finally {
      await hub.close();
    }
  }
  if (urls.length > 0 && failures.length === urls.length) throw failures[0]!;
  return urls.length === 0 ? null : { asked: urls.map(hostsOf).join(', ') };
}
