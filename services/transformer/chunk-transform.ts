import { encodeFrame, type Frame } from '../../shared/change/frame.ts';
import { TUPLES } from '../../shared/connector/data-type.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import type { Transformed } from './change-transform.ts';
import type { Chains } from './chains.ts';
import { failedRow, targetKeys } from './failed-row.ts';
import { createRow, type Row, writeTuple } from './row.ts';
import { tuplesIn } from './tuple-parts.ts';

/** The part of a chunk that writers get for one of the reader's; it says how many rows it lacks. */
export async function transformChunk(
  frame: Frame,
  chains: Chains,
  onBadRow: 'stop' | 'park' = 'stop',
): Promise<Transformed> {
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
  const failed = rows.flatMap((row, nth) => (row.failure === null ? [] : [nth]));
  const keys = await targetKeys(
    chain,
    failed.map((nth) => values[nth]!),
  );
  const stops = keys.findIndex((key) => onBadRow === 'stop' || key === undefined);
  if (stops >= 0) {
    const nth = failed[stops]!;
    throw failedRow(relation, values[nth]!, rows[nth]!, null);
  }
  const filtered = rows.filter(({ dropped }) => dropped).length;
  const kept = rows.filter(({ dropped, failure }) => !dropped && failure === null);
  // Where rows go to several namespaces the last value says to which.
  const tupleOf = ({ values, part }: Row): Buffer =>
    writeTuple(
      chain.parts.length === 0
        ? values
        : [...values, Buffer.from(chain.relations[part]!.namespace)],
    );
  const payload = Buffer.concat(kept.map(tupleOf));
  const aside = failed.map((nth, i) => ({
    reason: rows[nth]!.failure!,
    tuple: writeTuple(values[nth]!).toString('base64'),
    key: keys[i]?.toString('base64') ?? null,
  }));
  const chunk = { ...rest, filtered, ...(failed.length > 0 && { failed: aside, relation }) };
  const { bytes } = encodeFrame({ ...frame, body: { chunk } }, payload);
  return { bytes, rows: rows.length, filtered };
}
