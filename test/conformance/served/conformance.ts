import { isAbort } from '../../../shared/errors/weir-error.ts';
import { INFO_CHECKS } from './info-checks.ts';
import { SINK_CHECKS } from './sink-checks.ts';
import { SOURCE_CHECKS } from './source-checks.ts';
import { ask, type Check, Defect, METHODS, NotTested, type Subject } from './subject.ts';
import { UPDATE_CHECKS } from './update-checks.ts';

export interface CheckResult {
  name: string;
  result: 'holds' | 'fails' | 'not tested';
  /** What is wrong and what to do, or why it was not tested; null where it holds. */
  reason: string | null;
}

/** Puts a connector through what the protocol promises to programs that use it. */
export async function testConnector(
  options: Omit<Subject, 'info'>,
  onResult: (result: CheckResult) => void = () => undefined,
): Promise<CheckResult[]> {
  const info = await ask(options, METHODS.getInfo, {});
  const subject: Subject = { ...options, info };
  const { source, sink } = info.capabilities ?? {};
  const checks = [
    ...INFO_CHECKS,
    ...(source === undefined ? [] : [...SOURCE_CHECKS, ...UPDATE_CHECKS]),
    ...(sink === undefined ? [] : SINK_CHECKS),
  ];
  const results: CheckResult[] = [];
  for (const check of checks) {
    const result = await runCheck(check, subject);
    results.push(result);
    onResult(result);
  }
  return results;
}

async function runCheck(check: Check, subject: Subject): Promise<CheckResult> {
  const { name } = check;
  try {
    await check.run(subject);
    return { name, result: 'holds', reason: null };
  } catch (error) {
    if (error instanceof NotTested) return { name, result: 'not tested', reason: error.message };
    if (error instanceof Defect) return { name, result: 'fails', reason: error.message };
    const late = isAbort(error) ? 'the answer did not come in time' : null;
    const said = error instanceof Error ? error.message : String(error);
    return { name, result: 'fails', reason: late ?? said };
  }
}
