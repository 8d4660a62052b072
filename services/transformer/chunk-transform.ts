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
  const { relation, failed: refused = [], ...rest } = part;
  const kept = refused.length > 0 && { failed: refused, relation };
  const chain = chains.chainFor(relation);
  if (chain === null)
    return {
      ...encodeFrame({ ...frame, body: { chunk: { ...rest, ...kept } } }, frame.payload),
      rows: 0,
      filtered: 0,
    };
  const { form } = chain;
  const written: Buffer[] = [];
  const failed: Row[] = [];
  let count = 0;
  let filtered = 0;
  for (const tuples of setsOf(tuplesIn(frame.payload), chain.waits ? WAITING_ROWS : SET_ROWS)) {
    const rows = tuples.map((tuple) => form.read('copy', tuple, false));
    const running = chain.run(rows);
    if (running !== undefined) await running;
    count += rows.length;
    for (const row of rows) {
      if (row.failure !== null) failed.push(row);
      else if (row.dropped) filtered++;
      else if (chain.parts.length === 0) written.push(form.write(row));
      // Where rows go to several namespaces the last value says to which.
      else
        written.push(
          writeTuple([...row.values, Buffer.from(chain.relations[row.part]!.namespace)]),
        );
    }
  }
  const keys = await targetKeys(
    chain,
    failed.map((row) => keyOf(chain, row)),
  );
  const stops = failed.find((_, nth) => onBadRow === 'stop' || keys[nth] === undefined);
  if (stops !== undefined) throw failedRow(chain, stops, stops.failure, null);
  const aside = [
    ...refused,
    ...failed.map(({ failure, came }, nth) => ({
      reason: failure!,
      tuple: came.toString('base64'),
      key: keys[nth]?.toString('base64') ?? null,
    })),
  ];
  const chunk = { ...rest, filtered, ...(aside.length > 0 && { failed: aside, relation }) };
  const { bytes } = encodeFrame({ ...frame, body: { chunk } }, Buffer.concat(written));
  return { bytes, rows: count, filtered };
}

/** Few, so that what is made of them goes as soon as they are done. */
const SET_ROWS = 128;
/** More where they are in flight to and from somewhere. */
const WAITING_ROWS = 512;

function* setsOf(tuples: Iterable<Buffer>, most: number): Generator<Buffer[]> {
  let set: Buffer[] = [];
  for (const tuple of tuples) {
    set.push(tuple);
    if (set.length < most) continue;
    yield set;
    set = [];
  }
  if (set.length > 0) yield set;
}
