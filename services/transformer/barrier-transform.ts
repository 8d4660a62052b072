import { encodeFrame, type Frame } from '../../shared/change/frame.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type {
  Barrier,
  FilledColumn,
  MovedRow,
  RelationBarrier,
} from '../../shared/change/barrier.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import type { Chain } from './chain.ts';
import { ChainMismatch } from './chain-mismatch.ts';
import { MOVED } from './change-transform.ts';
import type { Chains } from './chains.ts';
import { failedRow, keyOf, targetKeys } from './failed-row.ts';

/** What concerns all lanes, in the shape that the target knows. */
export async function transformBarrier(
  frame: Frame,
  barrier: Barrier,
  chains: Chains,
  onBadRow: 'stop' | 'park' = 'stop',
): Promise<Buffer> {
  const body = { ...frame.body, barrier: await shaped(barrier, chains, frame.last, onBadRow) };
  return encodeFrame({ ...frame, body }, frame.payload).bytes;
}

async function shaped(
  barrier: Barrier,
  chains: Chains,
  position: string,
  onBadRow: 'stop' | 'park',
): Promise<Barrier> {
  const relationsOf = (relation: Relation): readonly Relation[] =>
    chains.chainFor(relation)?.relations ?? [relation];
  switch (barrier.kind) {
    case 'truncate':
      return { ...barrier, relations: barrier.relations.flatMap(relationsOf) };
    case 'relation':
      return transformRelation(barrier, chains);
    case 'move':
      return moved(barrier, chains, position, onBadRow);
  }
}

/** A new shape as the target gets it. Throws SCHEMA_CHANGED where the steps cannot make it. */
export function transformRelation(barrier: RelationBarrier, chains: Chains): RelationBarrier {
  const chain = chains.chainFor(barrier.before);
  const before = chain?.relation ?? barrier.before;
  try {
    const after = chains.shape(barrier.after);
    if ((chain?.relations.length ?? 1) > 1) refuseOtherShape(before, after.relation);
    const { filled, ...rest } = barrier;
    const made = chain === null ? filled : filledBy(filled, before, after.relation);
    return { ...rest, before, after, ...(made !== undefined && { filled: made }) };
  } catch (error) {
    if (!(error instanceof ChainMismatch)) throw error;
    throw new WeirError(
      'SCHEMA_CHANGED',
      `${barrier.after.relation.namespace} has changed at the source, and the transforms no longer fit it: ${error.problems.join('; ')}; correct them in the pipeline file, then start the pipeline again`,
    );
  }
}

/** What steps make of the values that older rows have is not known here: any column that came with them may be of them. */
function filledBy(
  filled: FilledColumn[] = [],
  before: Relation,
  after: Relation,
): FilledColumn[] | undefined {
  const known = new Set(before.columns.map(({ name }) => name));
  const added = filled.length === 0 ? [] : after.columns.filter(({ name }) => !known.has(name));
  return added.length === 0 ? undefined : added.map(({ name }) => ({ column: name, value: null }));
}

/** The tables that rows are sent to one by one could not all change at once. */
function refuseOtherShape(before: Relation, after: Relation): void {
  const shape = ({ columns, key }: Relation): string =>
    JSON.stringify([columns.map(({ name, type }) => [name, type]), key]);
  if (shape(before) !== shape(after))
    throw new WeirError(
      'SCHEMA_CHANGED',
      `${after.namespace} has changed at the source, and its rows are sent to several namespaces one by one, which cannot follow; leave the change out with a keep step, or run \`weir reset\` and copy again`,
    );
}

/** Rows that get other keys while part of them is unchanged. */
async function moved(
  barrier: Barrier & { kind: 'move' },
  chains: Chains,
  position: string,
  onBadRow: 'stop' | 'park',
): Promise<Barrier> {
  const chain = chains.chainFor(barrier.relation);
  if (chain === null) return barrier;
  const moves: MovedRow[] = [];
  for (const move of barrier.moves) {
    const [made, problem] = await movedRow(move, chain);
    if (problem !== null && (onBadRow === 'stop' || made === null))
      throw failedRow(
        chain,
        chain.form.read('update', Buffer.from(move.row, 'base64'), true),
        problem,
        position,
      );
    moves.push(made!);
  }
  return { kind: 'move', relation: chain.relation, moves };
}

/** And why a step failed for it, if one did; null where not even its keys are known. */
async function movedRow(move: MovedRow, chain: Chain): Promise<[MovedRow | null, string | null]> {
  const { source, form } = chain;
  const gone = form.readKey(Buffer.from(move.key, 'base64'));
  const there = form.read('update', Buffer.from(move.row, 'base64'), true);
  await chain.run([gone, there]);
  if (gone.failure !== null) return [null, gone.failure];
  const key = form.writeKey(gone).toString('base64');
  const isKnown = chain.decides === null && chain.spreads === null;
  const problem = isKnown ? there.failure : MOVED;
  if (problem === null) return [{ key, row: form.write(there).toString('base64') }, null];
  const [next] = await targetKeys(chain, [keyOf(chain, there)]);
  if (next === undefined || next === null) return [null, problem];
  const failed = { reason: problem, source, key: next.toString('base64') };
  return [{ key, row: move.row, failed }, problem];
}
