import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { createInbox, type Msg, type NatsConnection, type Subscription } from 'nats';
import { z } from 'zod';
import { ERROR_CODES, type ErrorCode as WeirErrorCode } from '../errors/codes.ts';
import { toWeirError, WeirError } from '../errors/weir-error.ts';
import { toHubError } from './hub.ts';
import { fromMessage, parseJson, toMessageText } from './message.ts';
import { refusedOf } from './refused-messages.ts';

/**
 * Questions and answers between services: gzipped JSON; an error comes back as the error it was. Until it has its
 * answer, the one who answers says now and then that it is at work: silence means that it has died or stands still,
 * however long the answer itself may take.
 */
export type Handler<T> = (request: T) => Promise<unknown>;

type Envelope = { ok: unknown } | { error: { code: WeirErrorCode; message: string } };

/** A few bytes can unpack to anything. */
const MOST_UNPACKED = 1 << 30;

const pack = async (message: object): Promise<Buffer> =>
  promisify(gzip)(Buffer.from(toMessageText(message)));

/** `reason` where it is not what the schema says. */
async function unpack<T>(
  bytes: Uint8Array,
  schema: z.ZodType<T>,
): Promise<{ value: T } | { reason: string }> {
  let json: unknown;
  try {
    const text = await promisify(gunzip)(bytes, { maxOutputLength: MOST_UNPACKED });
    json = JSON.parse(text.toString());
  } catch {
    return { reason: 'it is not JSON packed with gzip' };
  }
  return fromMessage(json, schema);
}

const CODES = Object.keys(ERROR_CODES) as WeirErrorCode[];

const WORKING_MS = 2_000;
const SILENCE_MS = 8_000;
/** Not heard at all: the broker may have chosen one whose machine is gone, which it learns after minutes. Ask another. */
const UNHEARD_MS = 1_000;
/** The server's own answer where nobody listens. */
const NOBODY = 503;

/** Answers requests to `subject`; of several servers in one `queue`, one answers. Returns how to stop. */
export function serve<T>(
  nc: NatsConnection,
  subject: string,
  queue: string,
  schema: z.ZodType<T>,
  handler: Handler<T>,
): () => void {
  const subscription = nc.subscribe(subject, {
    queue,
    callback: (error, message) => {
      if (error !== null) return;
      answer(nc, message, schema, handler).catch((cause: unknown) =>
        // Whoever asked hears nothing more, and asks again.
        refusedOf(nc).refuse(
          'request',
          subject,
          `it could not be answered: ${toWeirError(cause).code}`,
        ),
      );
    },
  });
  return () => subscription.unsubscribe();
}

async function answer<T>(
  nc: NatsConnection,
  message: Msg,
  schema: z.ZodType<T>,
  handler: Handler<T>,
): Promise<void> {
  let envelope: Envelope;
  // A service that is stopping may have closed its connection: nobody is told then, and asks another one.
  const respond = (bytes?: Uint8Array): void => {
    if (!nc.isClosed()) message.respond(bytes);
  };
  respond();
  const working = setInterval(respond, WORKING_MS);
  try {
    const request = await unpack(message.data, schema);
    if ('reason' in request) {
      refusedOf(nc).refuse('request', message.subject, request.reason);
      throw new WeirError(
        'REQUEST_INVALID',
        `a request is not understood here: ${request.reason}; run one version of Weir everywhere`,
      );
    }
    envelope = { ok: await handler(request.value) };
  } catch (thrown) {
    const error = toWeirError(thrown);
    envelope = { error: { code: error.code, message: error.message } };
  } finally {
    clearInterval(working);
  }
  const bytes = await pack(envelope);
  const problem = tooLarge(nc, bytes);
  if (problem === null) return respond(bytes);
  const { code, message: text } = problem;
  respond(await pack({ error: { code, message: text } } satisfies Envelope));
}

/** A plan of very many chunks may be larger than a message, which no waiting changes. */
function tooLarge(nc: NatsConnection, bytes: Uint8Array): WeirError | null {
  const most = nc.info?.max_payload ?? Infinity;
  if (bytes.length <= most) return null;
  return new WeirError(
    'BROKER_UNFIT',
    `the plan of this pipeline takes ${bytes.length} bytes, and the NATS server takes messages of ${most}; raise max_payload in its configuration (up to 64MB) and start it again`,
  );
}

/** UNREACHABLE where nobody answers, or who was to answer falls silent. */
export async function request<T>(
  nc: NatsConnection,
  subject: string,
  body: object,
  schema: z.ZodType<T>,
  timeoutMs = 10_000,
): Promise<T> {
  const bytes = await pack(body);
  const problem = tooLarge(nc, bytes);
  if (problem !== null) throw problem;
  let reply: Msg;
  try {
    reply = await awaitAnswer(nc, subject, bytes, timeoutMs);
  } catch (error) {
    throw toHubError(error);
  }
  const envelope = await unpack(reply.data, ENVELOPE);
  const error = 'value' in envelope ? envelope.value.error : undefined;
  if (error !== undefined) throw new WeirError(error.code, error.message);
  const ok = 'value' in envelope ? parseJson(envelope.value.ok, schema) : envelope;
  if ('value' in ok) return ok.value;
  refusedOf(nc).refuse('answer', subject, ok.reason);
  throw new WeirError(
    'UNREACHABLE',
    `whoever answers at ${subject} says what is not understood here: ${ok.reason}; run one version of Weir everywhere`,
  );
}

const ENVELOPE = z.object({
  ok: z.unknown().optional(),
  error: z.object({ code: z.enum(CODES).catch('INTERNAL'), message: z.string() }).optional(),
});

async function awaitAnswer(
  nc: NatsConnection,
  subject: string,
  bytes: Uint8Array,
  timeoutMs: number,
): Promise<Msg> {
  const inbox = createInbox();
  let giveUp = (): void => undefined;
  const timers = [timeoutMs, SILENCE_MS].map((ms) => setTimeout(() => giveUp(), ms));
  let unheard: NodeJS.Timeout | undefined;
  let subscription: Subscription | undefined;
  try {
    return await new Promise<Msg>((resolve, reject) => {
      giveUp = () =>
        reject(new WeirError('UNREACHABLE', `no service answers at ${subject}; is it running?`));
      subscription = nc.subscribe(inbox, {
        callback: (error, message) => {
          clearInterval(unheard);
          if (error !== null) reject(error);
          else if (message.data.length > 0) resolve(message);
          else if (message.headers?.code === NOBODY) giveUp();
          else timers[1]?.refresh();
        },
      });
      const send = (): void => {
        if (!nc.isClosed()) nc.publish(subject, bytes, { reply: inbox });
      };
      unheard = setInterval(send, UNHEARD_MS);
      send();
    });
  } finally {
    for (const timer of timers) clearTimeout(timer);
    clearInterval(unheard);
    subscription?.unsubscribe();
  }
}
