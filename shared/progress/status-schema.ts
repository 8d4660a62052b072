import { z } from 'zod';
import {
  CHANGE_COUNTS,
  COUNT,
  COUNTS_BY_NAMESPACE,
  LANE,
  NUMBER,
  PIPELINE_NAME,
  TEXT,
} from './json-parts.ts';
import { type BrokerState, PIPELINE_STATES, type PipelineReport } from './pipeline-report.ts';
import type { ServiceStatus } from './status.ts';

const LANES = z.array(LANE);
const RUNNING = z.enum(['starting', 'running', 'failed']);
const COMMON = {
  pipeline: PIPELINE_NAME,
  // It is part of a subject and of a key of maps.
  id: z.string().regex(/^[\w=-]{1,64}$/),
  pid: COUNT,
  atMs: NUMBER,
  problem: TEXT.nullable(),
};

const BROKER: z.ZodType<BrokerState> = z.looseObject({
  storedBytes: NUMBER,
  lanes: z.array(
    z.looseObject({
      kind: z.enum(['lane', 'chunk', 'raw-lane', 'raw-chunk']),
      lane: LANE,
      messages: NUMBER,
      bytes: NUMBER,
      maxBytes: NUMBER,
    }),
  ),
});

const KIND = z.enum(['inserts', 'updates', 'deletes', 'truncates']);
const DIFFERENCE = z.looseObject({ namespace: TEXT, kind: KIND, read: NUMBER, settled: NUMBER });

const COPY = z.looseObject({
  chunksTotal: NUMBER,
  chunksDone: NUMBER,
  rowsDone: NUMBER,
  bytesTotal: NUMBER,
  bytesDone: NUMBER,
  namespacesReady: NUMBER,
  namespacesTotal: NUMBER,
  leftMs: NUMBER.nullable(),
});

const NAMESPACE = z.looseObject({
  namespace: TEXT,
  read: CHANGE_COUNTS,
  applied: CHANGE_COUNTS,
  settled: CHANGE_COUNTS,
  filtered: NUMBER,
  parked: NUMBER,
  unmet: NUMBER.nullable(),
  rowsDone: NUMBER.nullable(),
  chunksTotal: NUMBER,
  chunksDone: NUMBER,
  bytesTotal: NUMBER,
  bytesDone: NUMBER,
});

const REPORT: z.ZodType<PipelineReport> = z.looseObject({
  state: z.enum(PIPELINE_STATES),
  reason: TEXT,
  stateMs: NUMBER,
  read: CHANGE_COUNTS.nullable(),
  applied: CHANGE_COUNTS.nullable(),
  filtered: CHANGE_COUNTS.nullable(),
  unmet: NUMBER.nullable(),
  parked: NUMBER,
  discarded: NUMBER,
  parkedEntries: NUMBER,
  inFlight: NUMBER.nullable(),
  difference: DIFFERENCE.nullable(),
  lagMs: NUMBER.nullable(),
  bytesBehind: NUMBER.nullable(),
  lanes: z.array(z.looseObject({ lane: LANE, lagMs: NUMBER.nullable(), owner: TEXT.nullable() })),
  appliedPerSecond: NUMBER.nullable(),
  copiedRowsPerSecond: NUMBER.nullable(),
  copy: COPY.nullable(),
  broker: BROKER.nullable(),
  namespaces: z.array(NAMESPACE),
  namespacesLeftOut: NUMBER,
});

const RETENTION = z.looseObject({
  retainedBytes: NUMBER,
  limitBytes: NUMBER.nullable(),
  growthBytesPerSecond: NUMBER,
  secondsToLimit: NUMBER.nullable(),
  warning: TEXT.nullable(),
});

const COPY_PROGRESS = z.looseObject({
  chunksTotal: NUMBER,
  chunksDone: NUMBER,
  rowsDone: NUMBER,
  bytesTotal: NUMBER,
  bytesDone: NUMBER,
  ready: z.boolean(),
});

export const SERVICE_STATUS: z.ZodType<ServiceStatus> = z.discriminatedUnion('service', [
  z.looseObject({
    ...COMMON,
    service: z.literal('source-reader'),
    phase: z.enum([
      'starting',
      'snapshotting',
      'streaming',
      'paused',
      'stopped',
      'finished',
      'failed',
    ]),
    readerEpoch: COUNT,
    copy: z.record(TEXT, COPY_PROGRESS),
    read: COUNTS_BY_NAMESPACE,
    lagMs: NUMBER.nullable(),
    retention: RETENTION.nullable(),
  }),
  z.looseObject({
    ...COMMON,
    service: z.literal('transformer'),
    phase: RUNNING,
    lanes: LANES,
    rows: NUMBER,
    filtered: NUMBER,
  }),
  z.looseObject({
    ...COMMON,
    service: z.literal('target-writer'),
    phase: RUNNING,
    lanes: LANES,
    warnings: z.array(TEXT),
    changesApplied: NUMBER,
    rowsCopied: NUMBER,
    lagMs: z.looseObject({ p50: NUMBER, p99: NUMBER }).nullable(),
  }),
  z.looseObject({
    ...COMMON,
    service: z.literal('stats'),
    phase: z.literal('running'),
    report: REPORT,
  }),
]);
