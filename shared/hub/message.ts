import { z } from 'zod';

/**
 * Which language the services of a pipeline speak on the bus, beside frames, whose head has a version of its own. It grows
 * with every change that a process of before would misunderstand; a field more is none. Every message says it, so that
 * one of another version is refused as such and not taken for what it resembles.
 */
export const PROTOCOL = 1;

/** A message as it travels, before it is packed. */
export function toMessageText(message: object): string {
  return JSON.stringify({ v: PROTOCOL, ...message });
}

/** Of JSON in UTF-8; `reason` says where it is wrong and holds no value. */
export function parseMessage<T>(
  bytes: Uint8Array,
  schema: z.ZodType<T>,
): { value: T } | { reason: string } {
  let json: unknown;
  try {
    json = JSON.parse(decoder.decode(bytes));
  } catch {
    return { reason: 'it is not JSON' };
  }
  return fromMessage(json, schema);
}

/** What `toMessageText` made, of this version. */
export function fromMessage<T>(
  json: unknown,
  schema: z.ZodType<T>,
): { value: T } | { reason: string } {
  const read = VERSION.safeParse(json);
  if (!read.success) return { reason: 'it does not say its version of the protocol' };
  const { v: version, ...message } = read.data;
  if (version !== PROTOCOL)
    return { reason: `it is of version ${version} of the protocol, and this process reads ${PROTOCOL}` }; // prettier-ignore
  return parseJson(message, schema);
}

export function parseJson<T>(
  json: unknown,
  schema: z.ZodType<T>,
): { value: T } | { reason: string } {
  const parsed = schema.safeParse(json);
  if (parsed.success) return { value: parsed.data };
  const [issue] = parsed.error.issues;
  const place =
    issue === undefined || issue.path.length === 0 ? 'the message' : issue.path.join('.');
  return { reason: `${place.slice(0, 200)} is not as it must be (${issue?.code ?? 'unknown'})` };
}

const VERSION = z.looseObject({ v: z.int().min(0) });
const decoder = new TextDecoder('utf-8', { fatal: true });
