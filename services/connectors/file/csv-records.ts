import { pipeline, Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { unfit } from './file-text.ts';

/** A field: null where it is empty and not quoted, which is how NULL is written. */
export type CsvRecord = (string | null)[];

export interface CsvOptions {
  delimiter: string;
  /** How many records of the beginning are left out: the header. */
  skip: number;
  /** For messages. */
  file: string;
}

/** The records of CSV text (RFC 4180; lines may end in LF, too). */
export async function* readCsv(
  text: AsyncIterable<string>,
  { delimiter, skip, file }: CsvOptions,
): AsyncGenerator<CsvRecord> {
  const parser = parse({
    delimiter,
    bom: true,
    from: skip + 1,
    relax_column_count: true,
    cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
  });
  // Whoever reads the records hears of what goes wrong.
  const records: AsyncIterable<CsvRecord> = pipeline(Readable.from(text), parser, () => undefined);
  try {
    for await (const record of records) yield record;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw unfit(
      file,
      `is not CSV: ${error.message.split('\n')[0]!.replace(/: .*/s, '')} (line ${String(error['lines'])} of what was read at once); correct it, or its delimiter`,
    );
  }
}
