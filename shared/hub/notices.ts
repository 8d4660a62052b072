import type { NatsConnection } from 'nats';
import type { Notice } from '../progress/notice.ts';
import { noticeSubject } from './names.ts';

const encoder = new TextEncoder();

export function publishNotice(nc: NatsConnection, pipeline: string, notice: Notice): void {
  if (!nc.isClosed()) nc.publish(noticeSubject(pipeline), encoder.encode(JSON.stringify(notice)));
}

/** Returns how to stop. */
export function watchNotices(
  nc: NatsConnection,
  pipeline: string,
  onNotice: (notice: Notice) => void,
): () => void {
  const subscription = nc.subscribe(noticeSubject(pipeline), {
    callback: (error, message) => {
      if (error === null) onNotice(JSON.parse(message.string()) as Notice);
    },
  });
  return () => subscription.unsubscribe();
}
