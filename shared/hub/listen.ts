import type { NatsConnection } from 'nats';
import type { z } from 'zod';
import { parseMessage } from './message.ts';
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
