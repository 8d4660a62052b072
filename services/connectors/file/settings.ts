import { fileURLToPath } from 'node:url';
import { closestName } from '../../../shared/config/closest-name.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';

export type FileFormat = 'csv' | 'jsonl';

/** What a URL `file:/data/shop?format=csv` asks for. */
export interface FileSettings {
  folder: string;
  /** To write; of files that are read, their names say it. */
  format: FileFormat;
  /** Whether written files are compressed. */
  gzip: boolean;
  /** Between the fields of a CSV file. */
  delimiter: string;
  /** As `TextDecoder` names them. */
  encoding: string;
  /** Columns that tell rows apart, in namespaces that have them all and no schema that says so. */
  key: readonly string[];
}

const KEYS = ['format', 'gzip', 'delimiter', 'encoding', 'key'];

/** Throws CONFIG_INVALID with everything that is wrong. */
export function parseFileUrl(url: string): FileSettings {
  const parsed = new URL(url);
  const { searchParams, host, pathname } = parsed;
  const problems: string[] = [];
  if (host !== '' || pathname.length < 2)
    problems.push('write the path of a folder from the root on, as in file:/data/shop');
  for (const key of new Set(searchParams.keys())) {
    if (KEYS.includes(key)) continue;
    const near = closestName(key, KEYS);
    const hint = near === undefined ? '' : `did you mean ${near}? `;
    problems.push(`${key} is not known; ${hint}known are ${KEYS.join(', ')}`);
  }
  const format = searchParams.get('format') ?? 'jsonl';
  if (format !== 'csv' && format !== 'jsonl') problems.push('format must be csv or jsonl');
  const gzip = searchParams.get('gzip') ?? 'false';
  if (gzip !== 'true' && gzip !== 'false') problems.push('gzip must be true or false');
  const delimiter = searchParams.get('delimiter') ?? ',';
  if (delimiter.length !== 1 || /["\r\n]/.test(delimiter))
    problems.push('delimiter must be one character, e.g. %3B for a semicolon');
  const encoding = searchParams.get('encoding') ?? 'utf-8';
  if (!isEncoding(encoding)) problems.push('encoding must be one such as utf-8 or windows-1252');
  if (problems.length > 0)
    throw new WeirError('CONFIG_INVALID', `the file: URL is wrong: ${problems.join('; ')}`);
  return {
    folder: fileURLToPath(`file://${pathname.replace(/\/+$/, '')}`),
    format: format as FileFormat,
    gzip: gzip === 'true',
    delimiter,
    encoding,
    key: (searchParams.get('key') ?? '').split(',').filter((name) => name !== ''),
  };
}

function isEncoding(label: string): boolean {
  try {
    new TextDecoder(label);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
