import path from 'node:path';
import { closestName } from '../../../shared/config/closest-name.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';

/** What a URL `null:?delay=20&fail=100` asks for. */
export interface NullSettings {
  /** That each write takes. */
  delayMs: number;
  /** Every so-many-th write fails as if the store were away for a moment; 0: none. */
  failEvery: number;
  /** Where the pipelines' state is kept; null: where the command line says. */
  stateFolder: string | null;
}

const KEYS = ['delay', 'fail', 'state'];

/** Throws CONFIG_INVALID with everything that is wrong. */
export function parseNullUrl(url: string): NullSettings {
  const { searchParams, host, pathname } = new URL(url);
  const problems: string[] = [];
  if (host !== '' || pathname !== '')
    problems.push('there is nothing between null: and ?, as in null:?delay=20');
  for (const key of new Set(searchParams.keys())) {
    if (KEYS.includes(key)) continue;
    const near = closestName(key, KEYS);
    const hint = near === undefined ? '' : `did you mean ${near}? `;
    problems.push(`${key} is not known; ${hint}known are ${KEYS.join(', ')}`);
  }
  const whole = (key: string, least: number, most: number): number => {
    const text = searchParams.get(key);
    if (text === null) return 0;
    if (/^\d+$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text);
    problems.push(`${key} must be a whole number from ${least} to ${most}`);
    return 0;
  };
  const delayMs = whole('delay', 0, 60_000);
  const failEvery = whole('fail', 2, 1e9);
  const stateFolder = searchParams.get('state');
  if (stateFolder !== null && !path.isAbsolute(stateFolder))
    problems.push('state must be the path of a folder from the root on');
  if (problems.length > 0)
    throw new WeirError('CONFIG_INVALID', `the null: URL is wrong: ${problems.join('; ')}`);
  return { delayMs, failEvery, stateFolder };
}
