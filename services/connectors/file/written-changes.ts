import type { NetChanges } from '../../../shared/connector/sink.ts';
import type { Barrier } from '../../../shared/change/barrier.ts';
import { Draft } from './draft.ts';
import { linesOf } from './lines-of.ts';
import { JsonRows } from './row-text.ts';

/**
 * Net changes as JSON lines, to be applied in their order. `_op` says what a line is: `delete` has the key, or the whole
 * row where there is none; `upsert` the whole row; `update` the columns that changed and the key; `patch` what changes of a document; `move` as `update`, and
 * in `_key` the key that the row had.
 */
export async function writeChanges(
  file: string,
  { relation, deletes, upserts, partial }: NetChanges,
  gzip: boolean,
): Promise<number> {
  const json = linesOf(relation);
  const gone = (bytes: Buffer): string =>
    relation.identity === 'key' ? json.key(bytes) : json.row(bytes);
  const lines = [
    ...deletes.map((bytes) => `{"_op":"delete",${gone(bytes)}}\n`),
    ...upserts.map((row) => `{"_op":"upsert",${json.row(row)}}\n`),
    ...partial.flatMap((row) => json.partial(row).map((fields) => `{${fields}}\n`)),
  ];
  await writeLines(file, lines, gzip);
  return lines.length;
}

export async function writeMoves(
  file: string,
  { relation, moves }: Extract<Barrier, { kind: 'move' }>,
  gzip: boolean,
): Promise<number> {
  const json = new JsonRows(relation);
  const lines = moves.map(({ key, row }) => {
    const old = json.key(Buffer.from(key, 'base64'));
    return `{"_op":"move","_key":{${old}},${json.row(Buffer.from(row, 'base64'))}}\n`;
  });
  await writeLines(file, lines, gzip);
  return lines.length;
}

async function writeLines(file: string, lines: readonly string[], gzip: boolean): Promise<void> {
  const draft = await Draft.open(file, gzip);
  try {
    for (const line of lines) await draft.write(line);
    await draft.publish();
  } catch (error) {
    await draft.discard();
    throw error;
  }
}
