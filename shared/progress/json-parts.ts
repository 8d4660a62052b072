import { z } from 'zod';
import type { Position } from '../change/position.ts';

/**
 * Parts of the schemas of what services tell each other. Objects are loose: another version may say more, and what is
 * handed on (a plan) must not lose what this version does not know. Each schema is declared as the type that it stands
 * for, so that a field added there and not here does not compile.
 */
export const COUNT = z.int().min(0);
export const POSITION = z.custom<Position>(
  (value) => typeof value === 'string' && /^[0-9a-f]{32}$/.test(value),
);
/** Of a pipeline, as the pipeline file has it. */
export const PIPELINE_NAME = z.string().regex(/^[a-z0-9-]{1,32}$/);
export const TEXT = z.string();
export const NUMBER = z.number();
export const LANE = z.int().min(0).max(65_535);

export const CHANGE_COUNTS = z.looseObject({
  inserts: COUNT,
  updates: COUNT,
  deletes: COUNT,
  truncates: COUNT,
});
export const COUNTS_BY_NAMESPACE = z.record(TEXT, CHANGE_COUNTS);

/** What only a connector can read; left out where it is undefined there. */
export const OPAQUE = z.unknown().default(null);
