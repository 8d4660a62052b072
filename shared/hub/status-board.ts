import type { NatsConnection } from 'nats';
import type { ServiceStatus } from '../progress/status.ts';
import { SERVICE_STATUS } from '../progress/status-schema.ts';
import { listen } from './listen.ts';
import { toMessageText } from './message.ts';
import { statusSubject } from './names.ts';
import { refusedOf } from './refused-messages.ts';

const encoder = new TextEncoder();

/** Publishes a service's status once a second and on every ping; returns how to stop. */
export function publishStatus(nc: NatsConnection, read: () => ServiceStatus): () => void {
  const publish = (): void => {
    const status = read();
    const subject = statusSubject(status.pipeline, status.service, status.id);
    if (!nc.isClosed()) nc.publish(subject, encoder.encode(toMessageText(status)));
  };
  const { pipeline } = read();
  const pings = nc.subscribe(`weir.${pipeline}.ping`, { callback: publish });
  const allPings = nc.subscribe('weir.ping', { callback: publish });
  const timer = setInterval(publish, 1_000);
  return () => {
    clearInterval(timer);
    pings.unsubscribe();
    allPings.unsubscribe();
    publish();
  };
}

/** Calls back with every status of the pipeline (all pipelines where null); returns how to stop. */
export function watchStatus(
  nc: NatsConnection,
  pipeline: string | null,
  onStatus: (status: ServiceStatus) => void,
): () => void {
  const subject = statusSubject(pipeline ?? '*', '*', '*');
  const stop = listen(nc, subject, { kind: 'status', schema: SERVICE_STATUS }, (status, from) => {
    if (from === statusSubject(status.pipeline, status.service, status.id)) onStatus(status);
    else refusedOf(nc).refuse('status', from, 'it is of another service than its subject says');
  });
  nc.publish(pipeline === null ? 'weir.ping' : `weir.${pipeline}.ping`);
  return stop;
}
