import { encodeFrame, type Frame } from '../../shared/change/frame.ts';
import { TUPLES } from '../../shared/connector/data-type.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import type { Transformed } from './change-transform.ts';
import type { Chains } from './chains.ts';
import { failedRow } from './failed-row.ts';
import { createRow, writeTuple } from './row.ts';
import { tuplesIn } from './tuple-parts.ts';

/** The part of a chunk that writers get for one of the reader's; it says how many rows it lacks. */
export async function transformChunk(frame: Frame, chains: Chains): Promise<Transformed> {
  const part = frame.body.chunk;
  if (part?.relation === undefined || part.dataType !== TUPLES)
    throw new WeirError(
      'INTERNAL',
      'a part of a chunk came to the transformer without the shape of its rows; run one version everywhere',
    );
  const { relation, ...rest } = part;
  const chain = chains.chainFor(relation);
  if (chain === null)
    return {
      ...encodeFrame({ ...frame, body: { chunk: rest } }, frame.payload),
      rows: 0,
      filtered: 0,
    };
  const values = [...tuplesIn(frame.payload)];
  const rows = values.map((each) => createRow('copy', [...each]));
  await chain.run(rows);
  const failed = rows.findIndex(({ failure }) => failure !== null);
  if (failed >= 0) throw failedRow(relation, values[failed]!, rows[failed]!, null);
  const kept = rows.filter(({ dropped }) => !dropped);
  const filtered = rows.length - kept.length;
  const payload = Buffer.concat(kept.map((row) => writeTuple(row.values)));
  const { bytes } = encodeFrame({ ...frame, body: { chunk: { ...rest, filtered } } }, payload);
  return { bytes, rows: rows.length, filtered };
}
