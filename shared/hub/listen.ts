import type { NatsConnection } from 'nats';
import type { z } from 'zod';
import { type MessageKind, refusedOf } from './refused-messages.ts';

/** Messages of one kind: what they must be. */
export interface Expected<T> {
  kind: MessageKind;
  schema: z.ZodType<T>;
}

/**
 * The only way by which messages of the bus come to whoever listens: as values of their schema. What is not is refused
 * (`RefusedMessages`). Returns how to stop.
 */
export function listen<T>(
  nc: NatsConnection,
  subject: string,
  { kind, schema }: Expected<T>,
  onMessage: (message: T, subject: string) => void,
): () => void {
  const subscription = nc.subscribe(subject, {
    callback: (error, message) => {
      if (error !== null) return;
      const parsed = parseMessage(message.data, schema);
      if ('reason' in parsed) refusedOf(nc).refuse(kind, message.subject, parsed.reason);
      else onMessage(parsed.value, message.subject);
    },
  });
  return () => subscription.unsubscribe();
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
  return parseJson(json, schema);
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

const decoder = new TextDecoder('utf-8', { fatal: true });
