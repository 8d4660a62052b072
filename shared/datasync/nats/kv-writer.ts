import { ErrorCode, headers, NatsError, nuid, type PubAck } from 'nats';
import { DatasyncError, reasonOf } from '../datasync-error.ts';
import { NO_REVISION, toRevision, type Revision } from '../revision.ts';
import type { Entry, WriteOperation } from '../transport.ts';
import { pause, untilAborted } from '../waiting.ts';
import { inTime } from './in-time.ts';
import { subjectOf, type KvLayout } from './kv-layout.ts';
import { toDatasyncError, type NatsLink } from './nats-link.ts';

const TRIES = 3;
const ANSWER_MS = 5_000;
const BETWEEN_MS = 250;
/** The server's words for a subject whose last sequence is another one; newer ones have a code of their own. */
const WRONG_LAST_SEQUENCE = [10071, 10164];
/** Without an answer it is not known whether the write was stored; a second one with the same id is stored once. */
const UNANSWERED: string[] = [ErrorCode.Timeout, ErrorCode.NoResponders, ErrorCode.Disconnect];

/** Writes one key of a bucket. */
export async function writeKey(
  link: NatsLink,
  layout: KvLayout,
  operation: WriteOperation,
  read: (key: string) => Promise<Entry | undefined>,
): Promise<Revision> {
  const { key, ifRevision } = operation;
  const subject = subjectOf(layout, key);
  const id = nuid.next();
  try {
    return await publish(link, layout, subject, operation, id, ifRevision);
  } catch (error) {
    if (!isConflict(error)) throw error;
    if (ifRevision !== NO_REVISION) throw conflict(key, ifRevision!, error);
    // There is no such key also where its delete marker is the last of it.
    const last = await read(key);
    if (last?.kind !== 'delete') throw conflict(key, ifRevision, error);
    try {
      return await publish(link, layout, subject, operation, nuid.next(), last.revision);
    } catch (again) {
      throw isConflict(again) ? conflict(key, ifRevision, again) : again;
    }
  }
}

async function publish(
  link: NatsLink,
  layout: KvLayout,
  subject: string,
  { kind, key, value }: WriteOperation,
  msgID: string,
  lastSubjectSequence: Revision | undefined,
): Promise<Revision> {
  const js = await link.jetstream();
  const h = headers();
  if (kind === 'delete') h.set('KV-Operation', 'DEL');
  const expect =
    lastSubjectSequence === undefined ? {} : { lastSubjectSequence: Number(lastSubjectSequence) };
  for (let attempt = 1; ; attempt++) {
    try {
      const options = { msgID, headers: h, expect, timeout: ANSWER_MS };
      const publishing = inTime('storing a value', js.publish(subject, value, options));
      const ack = await answered(link, publishing);
      return toRevision(ack.seq);
    } catch (error) {
      if (isConflict(error)) throw error;
      if (!isUnanswered(error)) throw refused(key, error);
      if (attempt === TRIES) {
        // Where there is no bucket nobody answers either.
        await link.streamInfo(layout, true);
        throw new DatasyncError(
          'TIMEOUT',
          `NATS has not answered whether "${key}" is stored; read it before you write it again`,
          { cause: error },
        );
      }
      await pause(BETWEEN_MS);
    }
  }
}

/** What the server answers; an answer to a connection that has broken will not come, so the next one is asked at once. */
async function answered(link: NatsLink, publishing: Promise<PubAck>): Promise<PubAck> {
  const broken = new AbortController();
  const stop = link.onConnection((connected) => {
    if (connected) broken.abort(new DatasyncError('UNREACHABLE', 'the connection to NATS broke'));
  });
  // Whoever waits below hears of it, unless the connection broke first: then nobody does, and nobody needs to.
  publishing.catch(() => undefined);
  try {
    return await untilAborted(publishing, broken.signal);
  } finally {
    stop();
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof NatsError && WRONG_LAST_SEQUENCE.includes(error.api_error?.err_code ?? 0);
}

function isUnanswered(error: unknown): boolean {
  if (error instanceof DatasyncError) return error.code === 'UNREACHABLE';
  return error instanceof NatsError && UNANSWERED.includes(error.code);
}

function conflict(key: string, ifRevision: Revision, cause: unknown): DatasyncError {
  const sentence =
    ifRevision === NO_REVISION ? `"${key}" exists` : `"${key}" is not at revision ${ifRevision}`;
  return new DatasyncError('CONFLICT', `${sentence}; read it again`, { cause });
}

function refused(key: string, error: unknown): DatasyncError {
  if (error instanceof NatsError && error.api_error !== undefined)
    return new DatasyncError('INVALID', `NATS refused "${key}": ${reasonOf(error)}`, {
      cause: error,
    });
  return toDatasyncError(error);
}
