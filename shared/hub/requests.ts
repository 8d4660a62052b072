import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { ErrorCode, type Msg, type NatsConnection, NatsError } from 'nats';
import { ERROR_CODES, type ErrorCode as WeirErrorCode } from '../errors/codes.ts';
import { toWeirError, WeirError } from '../errors/weir-error.ts';
import { toHubError } from './hub.ts';

/** Questions and answers between services: gzipped JSON; an error comes back as the error it was. */
export type Handler = (request: unknown) => Promise<unknown>;

type Envelope = { ok: unknown } | { error: { code: WeirErrorCode; message: string } };

const pack = async (value: unknown): Promise<Buffer> =>
  promisify(gzip)(Buffer.from(JSON.stringify(value ?? null)));
const unpack = async (bytes: Uint8Array): Promise<unknown> =>
  JSON.parse((await promisify(gunzip)(bytes)).toString()) as unknown;

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
      if (error === null) void answer(message, handler);
    },
  });
  return () => subscription.unsubscribe();
}

async function answer(message: Msg, handler: Handler): Promise<void> {
  let envelope: Envelope;
  try {
    envelope = { ok: await handler(await unpack(message.data)) };
  } catch (thrown) {
    const error = toWeirError(thrown);
    envelope = { error: { code: error.code, message: error.message } };
  }
  const bytes = await pack(envelope);
  message.respond(bytes);
}

/** UNREACHABLE where nobody answers. */
export async function request<T>(
  nc: NatsConnection,
  subject: string,
  body: unknown,
  timeoutMs = 10_000,
): Promise<T> {
  let reply: Msg;
  try {
    reply = await nc.request(subject, await pack(body), { timeout: timeoutMs });
  } catch (error) {
    const code = error instanceof NatsError ? (error.code as ErrorCode) : undefined;
    if (code === ErrorCode.NoResponders || code === ErrorCode.Timeout)
      throw new WeirError('UNREACHABLE', `no service answers at ${subject}; is it running?`);
    throw toHubError(error);
  }
  const envelope = (await unpack(reply.data)) as Envelope;
  if ('ok' in envelope) return envelope.ok as T;
  const { code, message } = envelope.error;
  throw new WeirError(code in ERROR_CODES ? code : 'INTERNAL', message);
}
