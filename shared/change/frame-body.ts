import type { Relation } from './relation.ts';
import type { Barrier } from './barrier.ts';
import { z } from 'zod';
import { WeirError } from '../errors/weir-error.ts';
import { TABLE_SCHEMA } from '../schema/table-schema-form.ts';
import { RELATION } from './relation-schema.ts';

const TEXT = z.string();
const COUNT = z.int().min(0);
const PLAN = z.looseObject({
  relation: RELATION,
  definition: z.unknown().default(null),
  tableSchema: TABLE_SCHEMA.exactOptional(),
});

const MOVED = z.looseObject({
  key: TEXT,
  row: TEXT,
  failed: z.looseObject({ reason: TEXT, source: RELATION, key: TEXT }).exactOptional(),
});

const BARRIER = z.discriminatedUnion('kind', [
  z.looseObject({
    kind: z.literal('truncate'),
    relations: z.array(RELATION),
    cascade: z.boolean(),
    restartIdentity: z.boolean(),
  }),
  z.looseObject({
    kind: z.literal('relation'),
    before: RELATION,
    after: PLAN,
    filled: z.array(z.looseObject({ column: TEXT, value: TEXT.nullable() })).exactOptional(),
  }),
  z.looseObject({ kind: z.literal('move'), relation: RELATION, moves: z.array(MOVED) }),
]);

const CHUNK = z.looseObject({
  id: COUNT,
  namespace: TEXT,
  how: z.enum(['load', 'merge']),
  dataType: TEXT,
  rows: COUNT.exactOptional(),
  relation: RELATION.exactOptional(),
  filtered: COUNT.exactOptional(),
  failed: z
    .array(z.looseObject({ reason: TEXT, tuple: TEXT, key: TEXT.nullable() }))
    .exactOptional(),
});

const BODY: z.ZodType<FrameBody> = z.looseObject({
  relations: z.array(RELATION).exactOptional(),
  sources: z.array(RELATION).exactOptional(),
  failures: z.array(TEXT).exactOptional(),
  barrier: BARRIER.exactOptional(),
  chunk: CHUNK.exactOptional(),
});

/** Throws BROKER_LOST_DATA where it is not what a reader writes. */
export function parseFrameBody(json: string): FrameBody {
  const parsed = BODY.safeParse(fromJson(json));
  if (parsed.success) return parsed.data;
  const place = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new WeirError(
    'BROKER_LOST_DATA',
    `a frame does not say what a frame of Weir says (${place === '' ? 'its head' : place})`,
  );
}

function fromJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

export interface FrameBody {
  relations?: Relation[];
  /** Where steps failed for rows: the shapes that they had before, beside `relations`, and why, in their order. */
  sources?: Relation[];
  failures?: string[];
  barrier?: Barrier;
  chunk?: ChunkPart;
}

/** The frames of one chunk follow each other in their lane, with `sequence` counting from 0. */
export interface ChunkPart {
  id: number;
  namespace: string;
  how: 'load' | 'merge';
  dataType: string;
  /** On the last part only: the rows of the whole chunk. */
  rows?: number;
  /** Of its rows, where a transformer is to read them; each part then has whole tuples only. */
  relation?: Relation;
  /** Rows of this part that a transformer left out. */
  filtered?: number;
  /** Rows of this part that a step failed for, with `relation`: see `FailedRow`; bytes in base64. */
  failed?: { reason: string; tuple: string; key: string | null }[];
}
