import type { SlotState } from './replication-slot.ts';

/** What is done about the pipeline's slot when it is opened, in this order. */
export interface SlotSteps {
  /** Standbys of a later server keep a slot only where it says so; an earlier start could not. */
  keepOnStandbys: boolean;
  /** One that an earlier start has left, whose plan never came to the target. */
  drop: boolean;
  /** `permanent`: the pipeline's own. `temporary`: for a snapshot beside it, at a position of the log. */
  make: 'permanent' | 'temporary' | null;
}

/** `isKnown`: the target has a plan. `copies`: something of it is still to be copied, or new. */
export function slotSteps(
  isKnown: boolean,
  slot: Pick<SlotState, 'isForStandbys'> | null,
  copies: boolean,
): SlotSteps {
  if (!isKnown) return { keepOnStandbys: false, drop: slot !== null, make: 'permanent' };
  return {
    keepOnStandbys: slot?.isForStandbys === false,
    drop: false,
    make: copies ? 'temporary' : null,
  };
}
