import { readRunFiles } from './run-file.ts';

/** The NATS server named by the environment, and those that running `weir run` commands use. */
export async function knownNatsUrls(): Promise<Set<string>> {
  const urls = new Set((await readRunFiles()).map((run) => run.natsUrl));
  const named = process.env['WEIR_NATS_URL'];
  if (named !== undefined && named !== '') urls.add(named);
  return urls;
}
