import { z } from 'zod';
import type { ParkedSelection } from '../connector/parking.ts';
import type { PipelineProgress, PipelineState } from '../connector/sink.ts';
import { DESIRED_STATES } from './desired-state.ts';
import {
  CHANGE_COUNTS,
  COUNT,
  COUNTS_BY_NAMESPACE,
  LANE,
  OPAQUE,
  POSITION,
  TEXT,
} from './json-parts.ts';
import { PLAN } from './plan-schema.ts';
import type { TargetAnswers, TargetRequest } from './target-requests.ts';

const SELECTION: z.ZodType<ParkedSelection> = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('all') }),
  z.looseObject({ kind: z.literal('namespace'), namespace: TEXT }),
  z.looseObject({ kind: z.literal('ids'), ids: z.array(COUNT) }),
]);

export const TARGET_REQUEST: z.ZodType<TargetRequest> = z.discriminatedUnion('op', [
  z.looseObject({ op: z.literal('begin') }),
  z.looseObject({ op: z.literal('state') }),
  z.looseObject({ op: z.literal('progress') }),
  z.looseObject({ op: z.literal('desire'), desired: z.enum(DESIRED_STATES) }),
  z.looseObject({ op: z.literal('reset') }),
  z.looseObject({ op: z.literal('plan'), plan: PLAN, readerEpoch: COUNT }),
  z.looseObject({ op: z.literal('sideState'), state: OPAQUE }),
  z.looseObject({ op: z.literal('together') }),
  z.looseObject({ op: z.literal('differences') }),
  z.looseObject({ op: z.literal('finish') }),
  z.looseObject({ op: z.literal('parked'), selection: SELECTION, after: COUNT }),
  z.looseObject({ op: z.literal('showParked'), id: COUNT }),
  z.looseObject({
    op: z.literal('replay'),
    selection: SELECTION,
    after: COUNT,
    until: COUNT.nullable(),
  }),
  z.looseObject({ op: z.literal('discard'), selection: SELECTION }),
]);

const PROGRESS_PARTS = {
  readerEpoch: COUNT,
  desired: z.enum(DESIRED_STATES),
  lanes: z.array(
    z.looseObject({
      lane: LANE,
      epoch: COUNT,
      readerEpoch: COUNT,
      sequence: COUNT,
      position: POSITION,
    }),
  ),
  unfinished: z.array(TEXT),
  applied: COUNTS_BY_NAMESPACE,
  parked: z.record(TEXT, CHANGE_COUNTS.extend({ entries: COUNT, rows: COUNT })),
  discarded: COUNTS_BY_NAMESPACE,
  filtered: COUNTS_BY_NAMESPACE,
  unmet: COUNTS_BY_NAMESPACE.exactOptional(),
  unmetUnknown: z.array(TEXT).exactOptional(),
};
const PROGRESS: z.ZodType<PipelineProgress> = z.looseObject(PROGRESS_PARTS);
const STATE: z.ZodType<PipelineState> = z.looseObject({
  ...PROGRESS_PARTS,
  order: z.enum(['key', 'transaction']),
  plan: PLAN,
  kept: OPAQUE,
});

const ENTRY = z.looseObject({
  id: COUNT,
  namespace: TEXT,
  key: z.record(TEXT, TEXT).nullable(),
  kind: z.enum(['upsert', 'update', 'delete', 'move']),
  copied: z.boolean(),
  untransformed: z.boolean(),
  reason: TEXT,
  position: POSITION,
  parkedAt: TEXT,
});

const DONE = z.null();

export const TARGET_ANSWERS: { [op in keyof TargetAnswers]: z.ZodType<TargetAnswers[op]> } = {
  begin: COUNT,
  state: STATE.nullable(),
  progress: PROGRESS.nullable(),
  desire: z.boolean(),
  reset: DONE,
  plan: z.array(TEXT),
  sideState: DONE,
  together: z.array(TEXT),
  differences: z.array(TEXT),
  finish: DONE,
  parked: z.array(ENTRY),
  showParked: ENTRY.extend({ values: z.record(TEXT, TEXT.nullable()) }).nullable(),
  replay: z.looseObject({
    replayed: COUNT,
    left: COUNT,
    until: COUNT,
    next: z.looseObject({ selection: SELECTION, after: COUNT }).nullable(),
  }),
  discard: COUNT,
};
