import { encodeFrame, type Frame } from '../../shared/change/frame.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { Barrier, MovedRow } from '../../shared/connector/source.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import type { Chain } from './chain.ts';
import { ChainMisfit } from './chain-misfit.ts';
import type { Chains } from './chains.ts';
import { failedRow } from './failed-row.ts';
import { createRow, readKey, readTuple, writeKey, writeTuple } from './row.ts';

/** What concerns all lanes, in the shape that the target knows. */
export async function transformBarrier(
  frame: Frame,
  barrier: Barrier,
  chains: Chains,
): Promise<Buffer> {
  const body = { ...frame.body, barrier: await shaped(barrier, chains, frame.last) };
  return encodeFrame({ ...frame, body }, frame.payload).bytes;
}

async function shaped(barrier: Barrier, chains: Chains, position: string): Promise<Barrier> {
  const relationOf = (relation: Relation): Relation =>
    chains.chainFor(relation)?.relation ?? relation;
  switch (barrier.kind) {
    case 'truncate':
      return { ...barrier, relations: barrier.relations.map(relationOf) };
    case 'relation':
      try {
        return {
          ...barrier,
          before: relationOf(barrier.before),
          after: chains.shape(barrier.after),
        };
      } catch (error) {
        if (!(error instanceof ChainMisfit)) throw error;
        throw new WeirError(
          'SCHEMA_CHANGED',
          `${barrier.after.relation.namespace} has changed at the source, and the transforms do not fit it any more: ${error.problems.join('; ')}; correct them in the pipeline file, then start the pipeline again`,
        );
      }
    case 'move':
      return moved(barrier, chains, position);
  }
}

/** Rows that get other keys while part of them is unchanged. */
async function moved(
  barrier: Barrier & { kind: 'move' },
  chains: Chains,
  position: string,
): Promise<Barrier> {
  const chain = chains.chainFor(barrier.relation);
  if (chain === null) return barrier;
  const moves: MovedRow[] = [];
  for (const move of barrier.moves) moves.push(await movedRow(move, chain, position));
  return { kind: 'move', relation: chain.relation, moves };
}

async function movedRow(move: MovedRow, chain: Chain, position: string): Promise<MovedRow> {
  const { source, relation } = chain;
  const before = readKey(Buffer.from(move.key, 'base64'), source.key, source.columns.length);
  const { values } = readTuple(Buffer.from(move.row, 'base64'));
  const gone = createRow('delete', before, true);
  const there = createRow('update', [...values]);
  await chain.run([gone, there]);
  const problem =
    chain.decides === null
      ? (gone.failure ?? there.failure)
      : 'the row got another key while parts of it were unchanged and did not come, and whether the target has it is not known (let the source log whole rows of this table)';
  if (problem !== null) throw failedRow(source, values, { ...there, failure: problem }, position);
  return {
    key: writeKey(relation.key.map((place) => gone.values[place])).toString('base64'),
    row: writeTuple(there.values).toString('base64'),
  };
}
