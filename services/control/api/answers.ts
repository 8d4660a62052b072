import { z } from 'zod';
import { ERROR_CODES, type ErrorCode } from '../../../shared/errors/codes.ts';
import { PIPELINE_STATES } from '../../../shared/progress/pipeline-report.ts';
import { ACTIONS } from '../condition.ts';
import { EVENT_KINDS } from '../event-log.ts';

/**
 * What the API answers. An answer is put through its schema before it is sent, so that nothing leaves that is not
 * declared here; the OpenAPI description is made from the same schemas.
 */
export const API_SCHEMAS = z.registry<{ id: string }>();

function named<T extends z.ZodType>(id: string, schema: T): T {
  API_SCHEMAS.add(schema, { id });
  return schema;
}

const count = z.int().min(0);
const ms = z.number().describe('milliseconds');
const bytes = z.number().describe('bytes');
const rate = z.number().describe('per second, over the last ten seconds');

export const COUNTS = named(
  'ChangeCounts',
  z.object({ inserts: count, updates: count, deletes: count, truncates: count }),
);

const COPY = named(
  'Copy',
  z.object({
    chunksTotal: count,
    chunksDone: count,
    rowsDone: count,
    bytesTotal: bytes.describe('as the source has estimated them; 0 where it has not'),
    bytesDone: bytes,
    namespacesReady: count,
    namespacesTotal: count,
    leftMs: ms.nullable().describe('until every chunk is in; null while unknown and when they are'),
  }),
);

export const STATES = ['created', 'ended', ...PIPELINE_STATES] as const;

const ALLOWED = z
  .record(z.enum(ACTIONS), z.string().nullable())
  .describe('for each action null where it may be asked now, else why not');

export const SUMMARY = named(
  'PipelineSummary',
  z.object({
    name: z.string(),
    state: z.enum(STATES),
    reason: z.string().describe('one sentence; with what to do where a person must look at it'),
    stateMs: ms.nullable().describe('how long it has been in this state, as far as is known'),
    asOf: z.iso
      .datetime()
      .nullable()
      .describe('when the numbers were reported; null where there are none'),
    stale: z.boolean().describe('the numbers are old: whoever reports them has stopped'),
    origin: z
      .enum(['created', 'file', 'heard'])
      .describe('created here, named when control was started, or only seen on the broker'),
    runsHere: z.boolean().describe('this control has started its services'),
    busy: z.enum(ACTIONS).nullable(),
    allowed: ALLOWED,
    lagMs: ms.nullable(),
    bytesBehind: bytes.nullable().describe('of the log of the source'),
    appliedPerSecond: rate.nullable(),
    copiedRowsPerSecond: rate.nullable(),
    inFlight: count.nullable().describe('changes read and not yet accounted for at the target'),
    balanced: z.boolean().nullable().describe('false: the counts of both ends differ'),
    parked: count.nullable().describe('entries, rows of the copy too'),
    unmet: count.nullable().describe('applied changes of rows that the target did not have'),
    copy: COPY.nullable(),
    brokerBytes: bytes.nullable().describe('waiting in the lanes'),
    retainedBytes: bytes.nullable().describe('of its log that the source keeps for this pipeline'),
    readers: count,
    writers: count,
    problems: z.array(z.string()),
    warnings: z
      .array(z.string())
      .describe('what to look after at the target; nothing waits for it'),
  }),
);

export const SUMMARIES = named('PipelineSummaries', z.object({ pipelines: z.array(SUMMARY) }));

const SPEC = named(
  'PipelineSpec',
  z.object({
    mode: z.string(),
    order: z.string(),
    onBadRow: z.string(),
    source: z.string().describe('without credentials'),
    target: z.string().describe('without credentials'),
    namespaces: z.array(z.string()).nullable().describe('null: every one'),
    lanes: count,
    writers: count,
    workers: count,
  }),
);

const SERVICE = named(
  'Service',
  z.object({
    service: z.string(),
    id: z.string(),
    pid: z.int(),
    phase: z.string(),
    heardMs: ms.describe('since its last status'),
    problem: z.string().nullable(),
    lanes: z.array(z.int()).describe('that this writer works on'),
  }),
);

export const PIPELINE = named(
  'Pipeline',
  SUMMARY.extend({
    spec: SPEC.nullable(),
    services: z.array(SERVICE),
    retention: z
      .object({
        retainedBytes: bytes,
        limitBytes: bytes.nullable(),
        growthBytesPerSecond: z.number(),
        secondsToLimit: z.number().nullable(),
        warning: z.string().nullable(),
      })
      .nullable(),
  }),
);

export const BALANCE = named(
  'Balance',
  z.object({
    asOf: z.iso.datetime().nullable(),
    stale: z.boolean(),
    read: COUNTS.nullable(),
    applied: COUNTS.nullable(),
    filtered: COUNTS.nullable().describe('left out by a transform'),
    parked: count.nullable().describe('changes'),
    unmet: count.nullable().describe('applied changes of rows that the target did not have'),
    discarded: count.nullable().describe('changes that were parked and then discarded'),
    inFlight: count.nullable(),
    difference: z
      .object({
        namespace: z.string(),
        kind: z.enum(['inserts', 'updates', 'deletes', 'truncates']),
        read: count,
        settled: count,
      })
      .nullable(),
    namespaces: z.array(
      z.object({
        namespace: z.string(),
        read: COUNTS,
        applied: COUNTS,
        settled: COUNTS.describe('applied, filtered, parked or discarded'),
        filtered: count.describe('changes'),
        parked: count.describe('changes'),
        unmet: count
          .nullable()
          .describe('among those applied; null where none is known of and not all can be'),
        rowsDone: count.nullable().describe('null where it has not been reported yet'),
        chunksTotal: count,
        chunksDone: count,
        bytesTotal: bytes,
        bytesDone: bytes,
      }),
    ),
    namespacesLeftOut: count,
  }),
);

export const LANES = named(
  'Lanes',
  z.object({
    asOf: z.iso.datetime().nullable(),
    stale: z.boolean(),
    lanes: z.array(
      z.object({
        lane: z.int(),
        owner: z.string().nullable().describe('the writer that works on it'),
        lagMs: ms.nullable(),
        messages: count.nullable(),
        bytes: bytes.nullable(),
        maxBytes: bytes.nullable(),
      }),
    ),
    chunkLanes: z.array(z.object({ lane: z.int(), messages: count, bytes, maxBytes: bytes })),
  }),
);

export const HISTORY = named(
  'History',
  z.object({
    stepMs: ms,
    samples: z.array(
      z.object({
        atMs: z.number(),
        appliedPerSecond: z.number().nullable(),
        copiedRowsPerSecond: z.number().nullable(),
        lagMs: ms.nullable(),
        inFlight: z.number().nullable(),
        brokerBytes: bytes.nullable(),
      }),
    ),
  }),
);

const PARKED_ENTRY = z.object({
  id: z.int(),
  namespace: z.string(),
  key: z.record(z.string(), z.string()).nullable(),
  kind: z.enum(['upsert', 'update', 'delete', 'move']),
  copied: z.boolean(),
  untransformed: z
    .boolean()
    .describe('a step failed for it: its values are those before the steps'),
  reason: z.string(),
  position: z.string(),
  parkedAt: z.string(),
});

export const PARKED = named(
  'ParkedEntries',
  z.object({
    entries: z.array(PARKED_ENTRY),
    next: z.int().nullable().describe('`after` for the next page; null at the end'),
  }),
);

export const PARKED_ROW = named(
  'ParkedRow',
  PARKED_ENTRY.extend({ values: z.record(z.string(), z.string().nullable()) }),
);

export const REPLAYED = named('Replayed', z.object({ replayed: count, left: count }));
export const DISCARDED = named('Discarded', z.object({ discarded: count }));

const VERIFIED_NAMESPACE = z.object({
  namespace: z.string(),
  target: z.string(),
  state: z.enum(['equal', 'different', 'unsettled', 'absent', 'other shape']),
  rows: count,
  differences: z
    .array(
      z.object({
        key: z.string(),
        kind: z.enum(['missing at target', 'extra at target', 'different']),
      }),
    )
    .describe('the first hundred'),
  unsettled: z.array(z.string()),
  capped: z.boolean(),
  missingColumns: z.array(z.string()),
  mapped: z.array(z.string()),
  changed: count.default(0),
});

const VERIFY_RESULT = z.object({
  equal: z.boolean(),
  rows: count,
  namespaces: z.array(VERIFIED_NAMESPACE),
});
export type VerifyResult = z.infer<typeof VERIFY_RESULT>;

export const VERIFICATION = named(
  'Verification',
  VERIFY_RESULT.omit({ equal: true }).extend({
    id: z.string(),
    state: z.enum(['running', 'equal', 'different', 'failed', 'cancelled']),
    startedAt: z.iso.datetime(),
    endedAt: z.iso.datetime().nullable(),
    by: z.string().nullable(),
    problem: z.string().nullable(),
  }),
);

export const VERIFICATIONS = named(
  'Verifications',
  z.object({ verifications: z.array(VERIFICATION).describe('latest first') }),
);

export const CHECK = named(
  'Check',
  z.object({
    pipeline: z.string(),
    fit: z.boolean(),
    parts: z.array(
      z.object({
        part: z.enum(['source', 'transforms', 'target', 'nats']),
        address: z.string(),
        findings: z.array(
          z.object({
            level: z.enum(['error', 'warning', 'ok']),
            subject: z.string(),
            message: z.string(),
            code: z.string().optional().describe('of the error that a start would end with'),
          }),
        ),
      }),
    ),
    namespaces: z.array(
      z.object({ namespace: z.string(), target: z.string(), identity: z.string() }),
    ),
  }),
);
export type CheckResult = z.infer<typeof CHECK>;

export const EVENT = named(
  'Event',
  z.object({
    id: z.string(),
    at: z.iso.datetime(),
    pipeline: z.string(),
    kind: z.enum(EVENT_KINDS),
    level: z.enum(['info', 'warning', 'error']),
    text: z.string(),
    by: z.string().nullable(),
  }),
);

export const EVENTS = named('Events', z.object({ events: z.array(EVENT) }));

export const CONTROL = named(
  'Control',
  z.object({
    version: z.string(),
    mayCreate: z.boolean().describe('whether pipelines can be created here'),
    you: z.string().nullable().describe('the name of the token that was shown; null without one'),
    brokerReachable: z.boolean(),
  }),
);

export const PROBLEM = named(
  'Problem',
  z.object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('what is wrong and what to do'),
    code: z.enum(Object.keys(ERROR_CODES) as ErrorCode[]),
  }),
);

export type Summary = z.infer<typeof SUMMARY>;
export type Pipeline = z.infer<typeof PIPELINE>;
export type BalanceAnswer = z.infer<typeof BALANCE>;
export type LanesAnswer = z.infer<typeof LANES>;
export type HistoryAnswer = z.infer<typeof HISTORY>;
export type Verification = z.infer<typeof VERIFICATION>;
export type ParkedAnswer = z.infer<typeof PARKED>;
export type ParkedRowAnswer = z.infer<typeof PARKED_ROW>;
export type EventAnswer = z.infer<typeof EVENT>;
export type ControlAnswer = z.infer<typeof CONTROL>;
export type ProblemAnswer = z.infer<typeof PROBLEM>;
