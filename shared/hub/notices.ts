import type { NatsConnection } from 'nats';
import type { Notice } from '../progress/notice.ts';
import { NOTICE } from '../progress/notice-schema.ts';
import { listen } from './listen.ts';
import { toMessageText } from './message.ts';
import { noticeSubject } from './names.ts';

const encoder = new TextEncoder();

export function publishNotice(nc: NatsConnection, pipeline: string, notice: Notice): void {
  if (!nc.isClosed()) nc.publish(noticeSubject(pipeline), encoder.encode(toMessageText(notice)));
}

/** Returns how to stop. */
export function watchNotices(
  nc: NatsConnection,
  pipeline: string,
  onNotice: (notice: Notice) => void,
): () => void {
  return listen(nc, noticeSubject(pipeline), { kind: 'notice', schema: NOTICE }, onNotice);
}
