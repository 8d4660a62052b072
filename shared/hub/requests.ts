import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { createInbox, type Msg, type NatsConnection, type Subscription } from 'nats';
import { ERROR_CODES, type ErrorCode as WeirErrorCode } from '../errors/codes.ts';
import { toWeirError, WeirError } from '../errors/weir-error.ts';
import { toHubError } from './hub.ts';

/**
 * Questions and answers between services: gzipped JSON; an error comes back as the error it was. Until it has its
 * answer, the one who answers says now and then that it is at work: silence means that it has died or stands still,
 * however long the answer itself may take.
 */
export type Handler = (request: unknown) => Promise<unknown>;

type Envelope = { ok: unknown } | { error: { code: WeirErrorCode; message: string } };

const pack = async (value: unknown): Promise<Buffer> =>
  promisify(gzip)(Buffer.from(JSON.stringify(value ?? null)));
const unpack = async (bytes: Uint8Array): Promise<unknown> =>
  JSON.parse((await promisify(gunzip)(bytes)).toString()) as unknown;

const WORKING_MS = 2_000;
const SILENCE_MS = 8_000;
/** Not heard at all: the broker may have chosen one whose machine is gone, which it learns after minutes. Ask another. */
const UNHEARD_MS = 1_000;
/** The server's own answer where nobody listens. */
const NOBODY = 503;

/** Answers requests to `subject`; of several servers in one `queue`, one answers. Returns how to stop. */
export function serve(
  nc: NatsConnection,
  subject: string,
  queue: string,
  handler: Handler,
): () => void {
  const subscription = nc.subscribe(subject, {
    queue,
    callback: (error, message) => {
      if (error === null) void answer(nc, message, handler);
    },
  });
  return () => subscription.unsubscribe();
}

async function answer(nc: NatsConnection, message: Msg, handler: Handler): Promise<void> {
  let envelope: Envelope;
  // A service that is stopping may have closed its connection: nobody is told then, and asks another one.
  const respond = (bytes?: Uint8Array): void => {
    if (!nc.isClosed()) message.respond(bytes);
  };
  respond();
  const working = setInterval(respond, WORKING_MS);
  try {
    envelope = { ok: await handler(await unpack(message.data)) };
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
  body: unknown,
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
  const envelope = (await unpack(reply.data)) as Envelope;
  if ('ok' in envelope) return envelope.ok as T;
  const { code, message } = envelope.error;
  throw new WeirError(code in ERROR_CODES ? code : 'INTERNAL', message);
}

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
