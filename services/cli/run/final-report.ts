import type { PipelineProgress, PipelineState } from '../../../shared/connector/sink.ts';
import type { ChangeCounts } from '../../../shared/change/change-counts.ts';
import { addCounts, countParked, settledCounts } from '../../../shared/progress/balance.ts';
import { CHANGE_KINDS, noChanges } from '../../../shared/progress/change-kinds.ts';
import type { CopyProgress } from '../../../shared/progress/status.ts';
import type { VerifyReport } from '../../verifier/verify-pipeline.ts';

/** What a finite pipeline came to; counts go back to the pipeline's making, rates are of this run. */
export interface FinalReport {
  pipeline: string;
  outcome: 'caught-up' | 'finished';
  startedAt: string;
  endedAt: string;
  elapsedMs: number;
  rowsCopied: number;
  /** As the source estimated them; null where it did not, or an earlier run had copied everything. */
  bytesCopied: number | null;
  /** Rows and bytes that this run copied, over the time that it copied; null where it copied nothing. */
  copyRate: { rowsPerSecond: number; bytesPerSecond: number; ms: number } | null;
  read: ChangeCounts;
  applied: ChangeCounts;
  /** Left out by the steps of the pipeline. */
  filtered: ChangeCounts;
  parkedEntries: number;
  changesPerSecond: number;
  /** Read = settled for each namespace and kind; null where the reader could not be asked any more. */
  balanced: boolean | null;
  lagMs: number | null;
  bytesBehind: number | null;
  namespaces: {
    namespace: string;
    rowsCopied: number;
    bytesCopied: number | null;
    applied: ChangeCounts;
  }[];
  /** Null where both ends were not compared. */
  verification: Pick<VerifyReport, 'equal' | 'rows'> | null;
}

/** What was seen of a run. */
export interface RunFacts {
  startedAtMs: number;
  endedAtMs: number;
  /** When something was on its way of the copy, first and last; null where nothing was copied. */
  copying: { fromMs: number; toMs: number; rows: number; bytes: number } | null;
  copy: Readonly<Record<string, CopyProgress>>;
  /** What the reader had read when it had come to the end, and at the start of this run. */
  read: Readonly<Record<string, ChangeCounts>> | null;
  readBefore: Readonly<Record<string, ChangeCounts>>;
  lagMs: number | null;
  bytesBehind: number | null;
}

export function finalReport(
  pipeline: string,
  outcome: FinalReport['outcome'],
  facts: RunFacts,
  state: Pick<PipelineState, 'plan'> &
    Pick<PipelineProgress, 'applied' | 'parked' | 'discarded' | 'filtered'>,
): FinalReport {
  const { startedAtMs, endedAtMs, copying, copy, read, readBefore } = facts;
  const elapsedMs = endedAtMs - startedAtMs;
  const settled = settledCounts(state);
  const namespaces = state.plan.namespaces
    .map(({ relation: { namespace }, rowsDone }) => ({
      namespace,
      rowsCopied: rowsDone,
      bytesCopied: (copy[namespace]?.bytesTotal ?? 0) > 0 ? copy[namespace]!.bytesDone : null,
      applied: state.applied[namespace] ?? noChanges(),
    }))
    .sort((a, b) => a.namespace.localeCompare(b.namespace));
  const bytes = namespaces.reduce((sum, each) => sum + (each.bytesCopied ?? 0), 0);
  const changes = Math.max(0, total(read ?? settled) - total(readBefore));
  return {
    pipeline,
    outcome,
    startedAt: new Date(startedAtMs).toISOString(),
    endedAt: new Date(endedAtMs).toISOString(),
    elapsedMs,
    rowsCopied: namespaces.reduce((sum, each) => sum + each.rowsCopied, 0),
    bytesCopied: bytes === 0 ? null : bytes,
    copyRate: copying === null ? null : rateOf(copying),
    read: sum(read ?? settled),
    applied: sum(state.applied),
    filtered: sum(state.filtered),
    parkedEntries: countParked(state),
    changesPerSecond: elapsedMs === 0 ? 0 : (changes * 1_000) / elapsedMs,
    balanced: read === null ? null : equal(read, settled),
    lagMs: facts.lagMs,
    bytesBehind: facts.bytesBehind,
    namespaces,
    verification: null,
  };
}

function rateOf({ fromMs, toMs, rows, bytes }: NonNullable<RunFacts['copying']>) {
  const ms = Math.max(1, toMs - fromMs);
  return { rowsPerSecond: (rows * 1_000) / ms, bytesPerSecond: (bytes * 1_000) / ms, ms };
}

function sum(counts: Readonly<Record<string, ChangeCounts>>): ChangeCounts {
  return addCounts(Object.values(counts).map((each) => ({ all: each })))['all'] ?? noChanges();
}

function total(counts: Readonly<Record<string, ChangeCounts>>): number {
  const all = sum(counts);
  return CHANGE_KINDS.reduce((so, kind) => so + all[kind], 0);
}

function equal(
  a: Readonly<Record<string, ChangeCounts>>,
  b: Readonly<Record<string, ChangeCounts>>,
): boolean {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((namespace) =>
    CHANGE_KINDS.every((kind) => (a[namespace]?.[kind] ?? 0) === (b[namespace]?.[kind] ?? 0)),
  );
}
