import type { FileFormat } from './settings.ts';

/** A file that holds rows, as its name says. */
export interface DataFileName {
  format: FileFormat;
  gzip: boolean;
  /** Of CSV; null: as the settings say. */
  delimiter: string | null;
  /** The name without its endings. */
  stem: string;
}

/** Null for files that are something else, and for those that are being written (they begin with a dot). */
export function parseDataFileName(name: string): DataFileName | null {
  const match = /^([^._].*?)\.(csv|tsv|jsonl|ndjson)(\.gz)?$/i.exec(name);
  if (match === null) return null;
  const [, stem = '', ending = '', zipped] = match;
  const kind = ending.toLowerCase();
  return {
    stem,
    format: kind === 'csv' || kind === 'tsv' ? 'csv' : 'jsonl',
    gzip: zipped !== undefined,
    delimiter: kind === 'tsv' ? '\t' : null,
  };
}

export function formatDataFileName(stem: string, format: FileFormat, gzip: boolean): string {
  return `${stem}.${format}${gzip ? '.gz' : ''}`;
}
