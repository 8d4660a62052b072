import type { SinkCapabilities, SourceCapabilities } from '../../shared/connector/connector.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';

export interface PromiseHeld {
  promise: string;
  /** `partly`: with the exception that `why` names. */
  holds: 'yes' | 'partly' | 'no';
  why: string;
}

/**
 * Which promises hold for this pair, and why. The first ones rest on what the two stores can do, as they say; the others
 * on how the rows can be told apart.
 */
export function promisesFor(
  spec: Pick<PipelineSpec, 'mode' | 'order' | 'onBadRow'>,
  relations: readonly Relation[],
  target: Pick<SinkCapabilities, 'state' | 'rows'>,
  source: Pick<SourceCapabilities, 'positions'>,
): PromiseHeld[] {
  const follows = spec.mode !== 'snapshot';
  const again = follows && source.positions === 'checkpoint';
  const promises =
    target.rows === 'counted'
      ? countedPromises(again)
      : [lostPromise(follows, again), twicePromise(target, again)];
  promises.push(badRowPromise(spec));
  if (!follows) return promises;
  const unfollowed = namesOf(relations, (relation) => relation.identity === 'none');
  promises.push(
    unfollowed.length === 0
      ? { promise: 'every change followed', holds: 'yes', why: 'inserts, updates and deletes' }
      : {
          promise: 'every change followed',
          holds: 'partly',
          why: `only inserts of ${unfollowed.join(', ')}, whose rows cannot be told apart; give it a key`,
        },
    spec.order === 'transaction' ? WHOLE_TRANSACTIONS : orderPromise(relations, again),
  );
  const multisets = namesOf(relations, (relation) => relation.identity === 'row');
  if (multisets.length > 0)
    promises.push({
      promise: 'rows told apart',
      holds: 'partly',
      why: `equal rows of ${multisets.join(', ')} are interchangeable, as no key tells them apart`,
    });
  return promises;
}

/** `again`: the source's positions mean nothing beyond a session, so changes come once more after a restart. */
function lostPromise(follows: boolean, again: boolean): PromiseHeld {
  const why = !follows
    ? 'a chunk counts as copied only when the target has committed it'
    : again
      ? "the changes are read again from the source's last cursor before which the target has committed everything; the source must still know it"
      : 'the source keeps each change until the target has committed it';
  return { promise: 'nothing lost', holds: 'yes', why };
}

function twicePromise({ state }: Pick<SinkCapabilities, 'state'>, again: boolean): PromiseHeld {
  const promise = 'nothing twice';
  if (!again && state !== 'apart')
    return {
      promise,
      holds: 'yes',
      why:
        state === 'transaction'
          ? 'the target commits data and progress in one transaction'
          : 'a file counts once it is listed, after the progress; a file that is written again replaces the earlier one',
    };
  const reasons = [
    ...(again ? ["changes since the source's last kept cursor come again"] : []),
    ...(state === 'apart' ? ['what was written without its progress is written again'] : []),
  ];
  return {
    promise,
    holds: 'partly',
    why: `at least once: after a restart ${reasons.join(', and ')}, and a row may briefly show an earlier state; rows are written by key, so the target ends equal`,
  };
}

/** Of a target that throws the rows away. */
function countedPromises(again: boolean): PromiseHeld[] {
  return [
    {
      promise: 'nothing lost',
      holds: 'no',
      why: 'the target discards every row and counts it',
    },
    again
      ? {
          promise: 'nothing twice',
          holds: 'partly',
          why: "after a restart changes since the source's last kept cursor come again, and are counted again",
        }
      : {
          promise: 'nothing twice',
          holds: 'yes',
          why: 'the target moves counts and progress in one step, so each is counted once',
        },
  ];
}

const WHOLE_TRANSACTIONS: PromiseHeld = {
  promise: 'whole transactions',
  holds: 'yes',
  why: 'from the end of the copy on, each transaction of the source can be seen whole or not at all, in commit order, with constraints enforced',
};

function badRowPromise({ onBadRow }: Pick<PipelineSpec, 'onBadRow'>): PromiseHeld {
  const promise = 'no row dropped silently';
  return onBadRow === 'stop'
    ? {
        promise,
        holds: 'yes',
        why: 'the pipeline stops at a row that the target refuses or that a step fails for',
      }
    : {
        promise,
        holds: 'yes',
        why: 'a row that the target refuses or that a step fails for is put aside with later changes of its key until it is replayed, everything else flows; what only a commit or a new constraint refuses stops the pipeline',
      };
}

function orderPromise(relations: readonly Relation[], again: boolean): PromiseHeld {
  const serial = namesOf(relations, (relation) => relation.order === 'namespace');
  const exception = serial.length === 0 ? '' : `; all of ${serial.join(', ')} in commit order`;
  return {
    promise: 'order per key',
    holds: 'yes',
    why: again
      ? 'changes of one key are applied in the order they come; those that come again after a restart, too'
      : `changes of one key are applied in commit order${exception}`,
  };
}

function namesOf(
  relations: readonly Relation[],
  matches: (relation: Relation) => boolean,
): string[] {
  return relations.filter(matches).map((relation) => relation.namespace);
}
