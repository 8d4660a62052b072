import { describeUrl, redactUrls } from '../../shared/config/redact-url.ts';
import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import type { PipelineReport } from '../../shared/progress/pipeline-report.ts';
import type { ReaderStatus, ServiceStatus } from '../../shared/progress/status.ts';
import type { BalanceAnswer, LanesAnswer, Pipeline, Summary } from './api/answers.ts';
import { STALE_MS, type LastStatus } from './last-status.ts';
import type { RunEnd } from './host.ts';

type Reported = { report: PipelineReport; atMs: number } | null;

/** When the numbers were told, and whether that is too long ago to believe that they still hold. */
export function ageOf(reported: Reported, nowMs: number): { asOf: string | null; stale: boolean } {
  if (reported === null) return { asOf: null, stale: false };
  return {
    asOf: new Date(reported.atMs).toISOString(),
    stale: nowMs - reported.atMs > STALE_MS,
  };
}

export type Doing = Pick<Summary, 'state' | 'reason' | 'stateMs'>;

/** What to call it: what the stats service says while it can be heard, else as much as can be known. */
export function doingOf(
  heard: LastStatus,
  known: { runsHere: boolean; lastEnd: RunEnd | null; hasRun: boolean },
  nowMs: number,
): Doing {
  const working = heard.services(nowMs).filter(({ service }) => service !== 'stats');
  const reported = heard.report;
  const fresh = reported !== null && nowMs - reported.atMs <= STALE_MS ? reported.report : null;
  if (fresh !== null && (working.length > 0 || known.runsHere)) {
    const { state, reason, stateMs } = fresh;
    return { state, reason, stateMs };
  }
  if (working.length > 0) return withoutStats(working, heard.reader(nowMs));
  if (known.runsHere)
    return { state: 'starting', reason: 'its services are being started', stateMs: null };
  if (known.lastEnd !== null) return endedAs(known.lastEnd);
  if (heard.lastMs !== null)
    return {
      state: 'down',
      reason: 'its services no longer report; find out why, or start them where they run',
      stateMs: nowMs - heard.lastMs,
    };
  return known.hasRun
    ? { state: 'ended', reason: 'none of its services runs; start continues it', stateMs: null }
    : { state: 'created', reason: 'it has not been started yet', stateMs: null };
}

function withoutStats(working: readonly ServiceStatus[], reader: ReaderStatus | null): Doing {
  const unknown = 'no stats service is connected, so there are no numbers; start one';
  if (reader === null)
    return { state: 'down', reason: 'no source-reader is connected; start it', stateMs: null };
  if (reader.phase === 'failed')
    return { state: 'failed', reason: redactUrls(reader.problem ?? unknown), stateMs: null };
  if (reader.phase === 'snapshotting') return { state: 'copying', reason: unknown, stateMs: null };
  if (reader.phase === 'streaming') return { state: 'following', reason: unknown, stateMs: null };
  const problem = working.find((status) => status.problem !== null)?.problem;
  return { state: reader.phase, reason: redactUrls(problem ?? unknown), stateMs: null };
}

function endedAs({ how, reason }: RunEnd): Doing {
  switch (how) {
    case 'stopped':
      return { state: 'stopped', reason: 'as requested; start continues it', stateMs: null };
    case 'finished':
      return { state: 'finished', reason: 'everything is copied', stateMs: null };
    case 'reset':
      return {
        state: 'created',
        reason: 'it was reset; start copies everything again',
        stateMs: null,
      };
    case 'failed':
      return { state: 'failed', reason: redactUrls(reason ?? 'see the log'), stateMs: null };
  }
}

/** The numbers of a pipeline; null for each that nobody has told. */
export function numbersOf(heard: LastStatus, nowMs: number) {
  const report = heard.report?.report ?? null;
  const services = heard.services(nowMs);
  const of = (kind: string): number => services.filter(({ service }) => service === kind).length;
  return {
    ...ageOf(heard.report, nowMs),
    lagMs: report?.lagMs ?? null,
    bytesBehind: report?.bytesBehind ?? null,
    appliedPerSecond: report?.appliedPerSecond ?? null,
    copiedRowsPerSecond: report?.copiedRowsPerSecond ?? null,
    inFlight: report?.inFlight ?? null,
    balanced: report === null ? null : report.difference === null,
    parked: report?.parkedEntries ?? null,
    unmet: report?.unmet ?? null,
    copy: report?.copy ?? null,
    brokerBytes: report?.broker?.lanes.reduce((sum, { bytes }) => sum + bytes, 0) ?? null,
    retainedBytes: heard.reader(nowMs)?.retention?.retainedBytes ?? null,
    readers: of('source-reader'),
    writers: of('target-writer'),
    warnings: [
      ...new Set(services.flatMap((s) => (s.service === 'target-writer' ? s.warnings : []))),
    ],
    problems: services.flatMap(({ problem }) => (problem === null ? [] : [redactUrls(problem)])),
  };
}

export function specOf(spec: PipelineSpec | null): Pipeline['spec'] {
  if (spec === null) return null;
  return {
    mode: spec.mode,
    order: spec.order,
    onBadRow: spec.onBadRow,
    source: describeUrl(spec.source.url.reveal()),
    target: describeUrl(spec.target.url.reveal()),
    namespaces: spec.source.namespaces === undefined ? null : [...spec.source.namespaces],
    lanes: spec.lanes,
    writers: spec.writers,
    workers: spec.workers,
  };
}

export function servicesOf(heard: LastStatus, nowMs: number): Pipeline['services'] {
  return heard
    .withAges(nowMs)
    .map(({ status, heardMs }) => ({
      service: status.service,
      id: status.id,
      pid: status.pid,
      phase: status.phase,
      heardMs,
      problem: status.problem === null ? null : redactUrls(status.problem),
      lanes: status.service === 'target-writer' ? status.lanes : [],
    }))
    .sort((a, b) => a.service.localeCompare(b.service) || a.id.localeCompare(b.id));
}

export function balanceOf(heard: LastStatus, nowMs: number): BalanceAnswer {
  const report = heard.report?.report ?? null;
  return {
    ...ageOf(heard.report, nowMs),
    read: report?.read ?? null,
    applied: report?.applied ?? null,
    filtered: report?.filtered ?? null,
    parked: report?.parked ?? null,
    unmet: report?.unmet ?? null,
    discarded: report?.discarded ?? null,
    inFlight: report?.inFlight ?? null,
    difference: report?.difference ?? null,
    namespaces: report?.namespaces ?? [],
    namespacesLeftOut: report?.namespacesLeftOut ?? 0,
  };
}

export function lanesOf(heard: LastStatus, nowMs: number): LanesAnswer {
  const report = heard.report?.report ?? null;
  const waiting = report?.broker?.lanes ?? [];
  return {
    ...ageOf(heard.report, nowMs),
    lanes: (report?.lanes ?? []).map(({ lane, owner, lagMs }) => {
      const found = waiting.find((each) => each.kind === 'lane' && each.lane === lane);
      const { messages = null, bytes = null, maxBytes = null } = found ?? {};
      return { lane, owner, lagMs, messages, bytes, maxBytes };
    }),
    chunkLanes: waiting.filter(({ kind }) => kind === 'chunk'),
  };
}
