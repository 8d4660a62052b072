import type { Park, Settle, Explain, Mark } from '../../../../../shared/state/state-step.ts';

/** The changes of a step that are about parked entries. */
export type ParkedChange = Park | Settle | Explain | Mark;
