import { toWeirError, WeirError } from '../../../shared/errors/weir-error.ts';
import { askTarget as ask } from '../../../shared/hub/ask.ts';
import type { TargetAnswers, TargetRequest } from '../../../shared/progress/target-requests.ts';
import { askKnownServers } from '../../supervisor/known-servers.ts';

export type AskTarget = <R extends TargetRequest>(body: R) => Promise<TargetAnswers[R['op']]>;

/** One step of a long piece of work, of which the writer says meanwhile that it is at it. */
const TIMEOUT_MS = 600_000;

/**
 * Lets `work` ask the target of a pipeline through whichever of its writers answers, on the NATS servers of the
 * environment and of this machine's runs. Throws UNREACHABLE where none does.
 */
export async function askTarget<T>(
  pipeline: string,
  work: (ask: AskTarget) => Promise<T>,
): Promise<T> {
  const found = await askKnownServers(`weir/${pipeline}/command`, async ({ control }) => {
    if (!(await isThere(() => ask(control, pipeline, { op: 'progress' })))) return null;
    return { done: await work((body) => ask(control, pipeline, body, TIMEOUT_MS)) };
  });
  if (found === null)
    throw new WeirError(
      'CONFIG_INVALID',
      `no pipeline runs on this machine; name the NATS server of ${pipeline} in WEIR_NATS_URL`,
    );
  if ('answer' in found) return found.answer.done;
  throw new WeirError(
    'UNREACHABLE',
    `no target-writer of ${pipeline} answers at ${found.asked}; is it running there?`,
  );
}

async function isThere(question: () => Promise<unknown>): Promise<boolean> {
  try {
    return (await question()) !== null;
  } catch (error) {
    if (toWeirError(error).code === 'UNREACHABLE') return false;
    throw error;
  }
}
