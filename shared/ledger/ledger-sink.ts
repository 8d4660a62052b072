import type { Sink } from '../connector/sink.ts';
import type { PipelineLedger } from './pipeline-ledger.ts';

/** What a sink hands on to the ledger where its store keeps no state: only `check`, data and barriers are its own. */
export type LedgerCalls = Pick<
  Sink,
  | 'parking'
  | 'readState'
  | 'readProgress'
  | 'writeDesired'
  | 'beginReader'
  | 'savePlan'
  | 'finishNamespaces'
  | 'readLimits'
  | 'openLane'
  | 'arriveAtBarrier'
  | 'barrierDone'
  | 'writeSideState'
  | 'reset'
  | 'close'
>;

export function ledgerCalls(ledger: PipelineLedger): LedgerCalls {
  return {
    parking: null,
    readState: () => ledger.readState(),
    readProgress: () => ledger.readProgress(),
    writeDesired: (desired) => ledger.writeDesired(desired),
    beginReader: () => ledger.beginReader(),
    async savePlan(plan, readerEpoch) {
      await ledger.savePlan(plan, readerEpoch);
      return [];
    },
    finishNamespaces: () => ledger.readLimits(),
    readLimits: () => ledger.readLimits(),
    openLane: (lane) => ledger.openLane(lane),
    arriveAtBarrier: (lane, position) => ledger.arriveAtBarrier(lane, position),
    barrierDone: (position) => ledger.barrierDone(position),
    writeSideState: (state) => ledger.writeSideState(state),
    reset: () => ledger.reset(),
    close: () => Promise.resolve(),
  };
}
