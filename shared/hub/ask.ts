import type { NatsConnection } from 'nats';
import { READER_ANSWERS } from '../progress/reader-request-schema.ts';
import type { ReaderAnswers, ReaderRequest } from '../progress/reader-requests.ts';
import { TARGET_ANSWERS } from '../progress/target-request-schema.ts';
import type { TargetAnswers, TargetRequest } from '../progress/target-requests.ts';
import { readerSubject, targetSubject } from './names.ts';
import { request } from './requests.ts';

/** Asks whichever writer of the pipeline answers. */
export function askTarget<R extends TargetRequest>(
  nc: NatsConnection,
  pipeline: string,
  body: R,
  timeoutMs?: number,
): Promise<TargetAnswers[R['op']]> {
  const op: R['op'] = body.op;
  return request(nc, targetSubject(pipeline), body, TARGET_ANSWERS[op], timeoutMs);
}

/** Asks the active reader of the pipeline. */
export function askReader<R extends ReaderRequest>(
  nc: NatsConnection,
  pipeline: string,
  body: R,
  timeoutMs?: number,
): Promise<ReaderAnswers[R['op']]> {
  const op: R['op'] = body.op;
  return request(nc, readerSubject(pipeline), body, READER_ANSWERS[op], timeoutMs);
}
