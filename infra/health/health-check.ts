import { parseListenAddress } from '../../shared/metrics/listen-address.ts';

/**
 * The health check of the container image: healthy when the service answers that it is ready, at the address where it
 * serves its metrics. What serves none (another command in the same image) counts as healthy while it runs.
 */
const ANSWER_MS = 8_000;

const listen = parseListenAddress(process.env['WEIR_METRICS_LISTEN']);
const { healthy, text } = listen === null ? { healthy: true, text: '' } : await ask(listen.port);
process.stdout.write(`${text === '' ? 'healthy' : text}\n`);
process.exitCode = healthy ? 0 : 1;

async function ask(port: number): Promise<{ healthy: boolean; text: string }> {
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal });
    return { healthy: response.ok, text: (await response.text()).trim() };
  } catch (error) {
    const cause =
      error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : null;
    if (cause?.code === 'ECONNREFUSED') return { healthy: true, text: '' };
    return { healthy: false, text: `the service did not answer within ${ANSWER_MS} ms` };
  }
}
