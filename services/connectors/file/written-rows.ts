import type { Relation } from '../../../shared/change/relation.ts';
import { TupleSplitter } from '../../../shared/change/tuple-splitter.ts';
import { Draft } from './draft.ts';
import { linesOf } from './lines-of.ts';
import { readTuple, toCsv } from './row-text.ts';
import type { FileSettings } from './settings.ts';

const SLICE_CHARACTERS = 64 * 1024;

/** Writes a chunk's rows as a file. */
export async function writeRows(
  file: string,
  relation: Relation,
  parts: AsyncIterable<Buffer>,
  { format, gzip, delimiter }: FileSettings,
): Promise<void> {
  const draft = await Draft.open(file, gzip);
  try {
    const splitter = new TupleSplitter();
    const json = linesOf(relation);
    let text = '';
    if (format === 'csv') text = toCsv([relation.columns.map(({ name }) => name)], delimiter);
    for await (const part of parts) {
      if (format === 'csv') {
        const records: (string | null)[][] = [];
        // Rows of a copy have all their columns.
        for (const tuple of splitter.take(part))
          records.push(readTuple(tuple) as (string | null)[]);
        text += toCsv(records, delimiter);
      } else for (const tuple of splitter.take(part)) text += `{${json.row(tuple)}}\n`;
      if (text.length < SLICE_CHARACTERS) continue;
      await draft.write(text);
      text = '';
    }
    await draft.write(text);
    await draft.publish();
  } catch (error) {
    await draft.discard();
    throw error;
  }
}
