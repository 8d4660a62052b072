import type { Parking, RetrySteps } from '../../connector/parking.ts';
import type { StateStep } from '../state-step.ts';
import { listEntries, type ReadTexts, showEntry } from './listed-entries.ts';
import type { ParkedEntries } from './parked-entries.ts';
import { settle } from './quarantine-steps.ts';
import { replayPage } from './replay.ts';
import { retryFailed, type RetryOptions } from './retry-failed.ts';
import type { ReplayTarget } from './quarantine-target.ts';

/** What a store has to offer so that people can look after its parked entries. */
export interface QuarantineHome {
  /** For what is read. */
  ask<T>(work: (parked: ParkedEntries, textsOf: ReadTexts) => Promise<T>): Promise<T>;
  /** Commits the step that comes of `work`; where somebody has come in between, `work` is asked again. */
  settle<T>(work: (parked: ParkedEntries) => Promise<{ step: StateStep; result: T }>): Promise<T>;
  /** The same with what was written in the room, with which no change of a parked key can pass by. */
  replay<T>(work: (room: ReplayTarget) => Promise<{ step: StateStep; result: T }>): Promise<T>;
  /** For what concerns one entry at a time. */
  retry(work: (options: Omit<RetryOptions, 'retrySteps'>) => Promise<void>): Promise<void>;
}

/** What people do with parked entries, whatever the store. */
export function parkingOver(home: QuarantineHome, retrySteps: RetrySteps | undefined): Parking {
  return {
    list: (selection, after, limit) =>
      home.ask((parked, textsOf) => listEntries(parked, textsOf, selection, after, limit)),
    show: (id) => home.ask((parked, textsOf) => showEntry(parked, textsOf, id)),
    async replay(selection, after, until) {
      if (retrySteps !== undefined)
        await home.retry((options) =>
          retryFailed({ ...options, retrySteps }, selection, after, until),
        );
      return home.replay((room) => replayPage(room, selection, after, until));
    },
    /** What they stand for counts as discarded. */
    discard: (selection) =>
      home.settle(async (parked) => {
        const least = await parked.count(selection);
        if (least === 0) return { step: [], result: 0 };
        return { step: settle({ entries: selection, as: 'discarded', least }), result: least };
      }),
  };
}
