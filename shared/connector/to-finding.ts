import { isAbort, toWeirError } from '../errors/weir-error.ts';
import type { Finding } from './finding.ts';

/** What stops one part of a check is a result of it; the other parts are still looked at. */
export function toFinding(error: unknown, subject = 'server'): Finding {
  if (isAbort(error)) throw error;
  const weirError = toWeirError(error);
  const { code, message } = weirError;
  if (code === 'INTERNAL') throw weirError;
  return { level: 'error', subject, code, message };
}

/** What `required` throws, as a finding; none where it is content. */
export async function findingsOf(subject: string, required: () => unknown): Promise<Finding[]> {
  try {
    await required();
    return [];
  } catch (error) {
    return [toFinding(error, subject)];
  }
}
