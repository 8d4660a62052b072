import type { RetrySteps } from '../../shared/connector/parking.ts';
import { ChainMismatch } from './chain-mismatch.ts';
import type { Chains } from './chains.ts';
import { MOVED, wholeRowProblem } from './change-transform.ts';

/** For whoever replays a parked row that a step failed for: the steps as they are now. */
export function createRetry(chains: Chains): RetrySteps {
  return async (source, kind, tuple, partial) => {
    try {
      const chain = chains.chainFor(source);
      if (chain === null) return { relation: source, tuple, partial, elsewhere: [] };
      if (kind === 'move' && (chain.decides !== null || chain.spreads !== null))
        return { failure: MOVED };
      const { form } = chain;
      const row = form.read(kind === 'move' ? 'update' : kind, tuple, partial);
      await chain.run([row]);
      const failure = row.failure ?? (kind === 'update' ? wholeRowProblem(chain, row) : null);
      if (failure !== null) return { failure };
      const relation = chain.relations[row.part]!;
      const elsewhere =
        chain.spreads === 'row' ? chain.relations.filter((each) => each !== relation) : [];
      if (row.dropped) return { relation, tuple: null, partial: false, elsewhere };
      return { relation, tuple: form.write(row), partial: form.isPartial(row), elsewhere };
    } catch (error) {
      if (error instanceof ChainMismatch) return { failure: error.problems.join('; ') };
      throw error;
    }
  };
}
