import { z } from 'zod';
import { parseByteSize } from './byte-size.ts';
import { parseDuration } from './duration.ts';
import { DEFAULTS, MAX_WORKERS } from './pipeline-defaults.ts';

/** The keys whose values are numbers: text that came from the environment is read as one there. */
export const NUMBER_KEYS: ReadonlySet<string> = new Set([
  'lanes',
  'writers',
  'workers',
  'readers',
  'transformers',
]);

const NAMESPACES =
  'must be a list of namespaces or globs, e.g. [public.orders, "public.item_*"]; leave it out for every one';
const TYPE = 'must be the name of a type at the target, e.g. text';
const URL_TEXT = 'must be a URL as text, e.g. scheme://user:${PASSWORD}@host:port/database';

function whole(least: number, most: number) {
  const error = `must be a whole number from ${least} to ${most}`;
  return z.number({ error }).int({ error }).min(least, { error }).max(most, { error });
}

function oneOf<const T extends readonly [string, ...string[]]>(allowed: T) {
  return z.enum(allowed, { error: `must be ${orList(allowed)}` });
}

/** A text with a unit, read as a number. */
function measured(parse: (text: string) => number | undefined, error: string) {
  return z.string({ error }).transform((text, context) => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.issues.push({ code: 'custom', message: error, input: text });
    return z.NEVER;
  });
}

function block<T extends z.ZodRawShape>(shape: T) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'invalid_type'
        ? `must be a block with the keys ${Object.keys(shape).join(', ')}`
        : undefined,
  });
}

const url = z.string({ error: URL_TEXT });

/** Form only; what the values mean together is checked in `pipeline-rules.ts`. Messages follow the key's name. */
export const PIPELINE_SCHEMA = block({
  name: z
    .string({ error: 'must be text' })
    .regex(/^[a-z0-9-]{1,32}$/, { error: 'must be 1 to 32 of the characters a-z, 0-9 and -' }),
  mode: oneOf(['snapshot+changes', 'snapshot', 'changes']).default(DEFAULTS.mode),
  source: block({
    url,
    namespaces: z
      .array(z.string({ error: 'must be text' }).min(1, { error: 'must not be empty' }), {
        error: NAMESPACES,
      })
      .min(1, { error: NAMESPACES })
      .optional(),
    retention: block({
      limit: measured(parseByteSize, 'must be a size in kB, MB, GB or TB, e.g. 50GB').optional(),
      onLimit: oneOf(['keep', 'stop']).default(DEFAULTS.onLimit),
      warnWithin: measured(parseDuration, 'must be a time in s, m, h or d, e.g. 4h').default(
        parseDuration(DEFAULTS.warnWithin)!,
      ),
    }).optional(),
    onWaitingDdl: oneOf(['giveWay', 'wait']).default(DEFAULTS.onWaitingDdl),
  }),
  target: block({ url, create: oneOf(['missing', 'never']).default(DEFAULTS.create) }),
  map: z
    .record(z.string(), z.string({ error: 'must be the name of a namespace at the target' }), {
      error: 'must be pairs of source and target namespace, e.g. { public.orders: sales.orders }',
    })
    .default({}),
  types: z
    .record(z.string(), z.string({ error: TYPE }).regex(/^[^\0\n\r]{1,200}$/, { error: TYPE }), {
      error:
        'must be pairs of a column or a type of the source and a type of the target, e.g. { public.orders.total: "numeric(30,6)", decimal: text }',
    })
    .default({}),
  order: oneOf(['key', 'transaction']).default(DEFAULTS.order),
  lanes: whole(1, 64).default(DEFAULTS.lanes),
  writers: whole(1, 40).default(DEFAULTS.writers),
  workers: whole(1, MAX_WORKERS).optional(),
  readers: whole(1, 16).default(DEFAULTS.readers),
  onBadRow: oneOf(['stop', 'park']).default(DEFAULTS.onBadRow),
  transforms: z.array(z.unknown(), { error: 'must be a list of steps' }).default([]),
  transformers: whole(1, 40).default(DEFAULTS.transformers),
  nats: block({
    url: z.string({ error: 'must be a URL as text, e.g. nats://host:4222' }),
  }).optional(),
});

export type PipelineForm = z.infer<typeof PIPELINE_SCHEMA>;

/** Which keys may stand in the block at `path`; empty where any may (`map`). */
export function keysAllowedAt(path: readonly PropertyKey[]): string[] {
  let schema: unknown = PIPELINE_SCHEMA;
  for (const step of path) schema = shapeOf(schema)[String(step)];
  return Object.keys(shapeOf(schema));
}

function shapeOf(schema: unknown): Record<string, unknown> {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault) inner = inner.unwrap();
  return inner instanceof z.ZodObject ? inner.shape : {};
}

function orList(words: readonly string[]): string {
  return words.length < 2
    ? (words[0] ?? '')
    : `${words.slice(0, -1).join(', ')} or ${words[words.length - 1]!}`;
}
