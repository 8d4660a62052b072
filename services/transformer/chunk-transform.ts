import { encodeFrame, type Frame } from '../../shared/change/frame.ts';
import { DOCUMENTS, TUPLES } from '../../shared/connector/data-type.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import type { Transformed } from './change-transform.ts';
import type { Chains } from './chains.ts';
import { failedRow, keyOf, targetKeys } from './failed-row.ts';
import { type Row, writeTuple } from './row.ts';
import { tuplesIn } from './row-form.ts';

/** The part of a chunk that writers get for one of the reader's; it says how many rows it lacks. */
export async function transformChunk(
  frame: Frame,
  chains: Chains,
  onBadRow: 'stop' | 'park' = 'stop',
): Promise<Transformed> {
  const part = frame.body.chunk;
  if (part?.relation === undefined || ![TUPLES, DOCUMENTS].includes(part.dataType))
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
  const { form } = chain;
  const rows = [...tuplesIn(frame.payload)].map((tuple) => form.read('copy', tuple, false));
  await chain.run(rows);
  const failed = rows.filter(({ failure }) => failure !== null);
  const keys = await targetKeys(
    chain,
    failed.map((row) => keyOf(chain, row)),
  );
  const stops = failed.find((_, nth) => onBadRow === 'stop' || keys[nth] === undefined);
  if (stops !== undefined) throw failedRow(chain, stops, stops.failure, null);
  const filtered = rows.filter(({ dropped }) => dropped).length;
  const kept = rows.filter(({ dropped, failure }) => !dropped && failure === null);
  // Where rows go to several namespaces the last value says to which.
  const tupleOf = (row: Row): Buffer =>
    chain.parts.length === 0
      ? form.write(row)
      : writeTuple([...row.values, Buffer.from(chain.relations[row.part]!.namespace)]);
  const payload = Buffer.concat(kept.map(tupleOf));
  const aside = failed.map(({ failure, came }, nth) => ({
    reason: failure!,
    tuple: came.toString('base64'),
    key: keys[nth]?.toString('base64') ?? null,
  }));
  const chunk = { ...rest, filtered, ...(failed.length > 0 && { failed: aside, relation }) };
  const { bytes } = encodeFrame({ ...frame, body: { chunk } }, payload);
  return { bytes, rows: rows.length, filtered };
}
