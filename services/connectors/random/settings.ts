import { closestName } from '../../../shared/config/closest-name.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';

/** What a URL `random:?seed=7&rows=5000` asks for. */
export interface RandomSettings {
  /** Everything follows from it. */
  seed: number;
  namespaces: number;
  /** Of each namespace, before the first change. */
  rows: number;
  /** Bytes of a row, about. */
  size: number;
  /** Rows of a chunk of the copy. */
  chunk: number;
  /** How many changes there will ever be, over all namespaces; `Infinity`: they go on. */
  changes: number;
  /** Changes a second since the pipeline was made; `Infinity`: they are all there at once. */
  rate: number;
  /** Changes of one transaction. */
  transaction: number;
  /** How many of each kind there are in a run of changes of one namespace. */
  mix: { inserts: number; updates: number; deletes: number };
}

const CHUNK_BYTES = 4 << 20;
const MOST = 1e12;
const KEYS = [
  'seed',
  'namespaces',
  'rows',
  'size',
  'chunk',
  'changes',
  'rate',
  'transaction',
  'mix',
];

/** Throws CONFIG_INVALID with everything that is wrong. */
export function parseRandomUrl(url: string): RandomSettings {
  const { searchParams, host, pathname } = new URL(url);
  const problems: string[] = [];
  if (host !== '' || pathname !== '')
    problems.push('there is nothing between random: and ?, as in random:?seed=7');
  for (const key of new Set(searchParams.keys())) {
    if (searchParams.getAll(key).length > 1) problems.push(`${key} is given twice`);
    if (KEYS.includes(key)) continue;
    const near = closestName(key, KEYS);
    const hint = near === undefined ? '' : `did you mean ${near}? `;
    problems.push(`${key} is not known; ${hint}known are ${KEYS.join(', ')}`);
  }
  const whole = (key: string, least: number, most: number, otherwise: number): number => {
    const text = searchParams.get(key);
    if (text === null) return otherwise;
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    problems.push(`${key} must be a whole number from ${least} to ${most}`);
    return otherwise;
  };
  const size = whole('size', 64, 64 << 20, 200);
  const rate = whole('rate', 1, 1e9, Infinity);
  const settings: RandomSettings = {
    seed: whole('seed', 0, 2 ** 32 - 1, 1),
    namespaces: whole('namespaces', 1, 1000, 1),
    rows: whole('rows', 0, MOST, 1000),
    size,
    chunk: whole('chunk', 1, 1e9, Math.max(1, Math.floor(CHUNK_BYTES / size))),
    changes: whole('changes', 0, MOST, rate === Infinity ? 0 : Infinity),
    rate,
    transaction: whole('transaction', 1, 1e6, 1),
    mix: parseMix(searchParams.get('mix') ?? '1:2:1', problems),
  };
  const { changes, transaction } = settings;
  // A transaction that was not full would get more changes when there are to be more of them.
  if (changes !== Infinity && changes % transaction !== 0)
    problems.push('changes must be a multiple of transaction');
  if (problems.length > 0)
    throw new WeirError('CONFIG_INVALID', `the random: URL is wrong: ${problems.join('; ')}`);
  return settings;
}

function parseMix(text: string, problems: string[]): RandomSettings['mix'] {
  const parts = /^(\d{1,4}):(\d{1,4}):(\d{1,4})$/.exec(text)?.slice(1).map(Number);
  if (parts !== undefined && parts.some((part) => part > 0))
    return { inserts: parts[0]!, updates: parts[1]!, deletes: parts[2]! };
  problems.push('mix must be inserts:updates:deletes as whole numbers, e.g. 1:8:1');
  return { inserts: 1, updates: 0, deletes: 0 };
}

/** Two pipelines whose data is the same have the same; more changes and another rate are no other data. */
export function identityOf(settings: RandomSettings): string {
  const { seed, namespaces, rows, size, transaction, mix } = settings;
  const counts = [mix.inserts, mix.updates, mix.deletes].join(':');
  return `random:?seed=${seed}&namespaces=${namespaces}&rows=${rows}&size=${size}&transaction=${transaction}&mix=${counts}`;
}
