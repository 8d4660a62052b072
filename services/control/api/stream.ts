import type { FastifyReply } from 'fastify';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { EVENT, SUMMARY, type Summary } from './answers.ts';
import type { Fleet } from '../fleet.ts';

const HEARTBEAT_MS = 10_000;
const MAX_STREAMS = 200;
/** A reader that takes nothing for so long has gone, or is too slow to be shown anything live. */
const MAX_UNSENT_BYTES = 4 << 20;

export interface StreamOptions {
  fleet: Fleet;
  /** One pipeline, or all. */
  only: string | null;
  /** Of the last event that the client had, where it comes back. */
  lastId: string | null;
}

const open = new WeakMap<Fleet, number>();

export function openStreams(fleet: Fleet): number {
  return open.get(fleet) ?? 0;
}

/** Sends live changes as server-sent events until the client goes. */
export function streamEvents({ fleet, only, lastId }: StreamOptions, reply: FastifyReply): void {
  const streams = openStreams(fleet);
  if (streams >= MAX_STREAMS)
    throw new WeirError('REQUEST_INVALID', `${MAX_STREAMS} streams are open, which is the limit`);
  open.set(fleet, streams + 1);
  reply.hijack();
  const out = reply.raw;
  out.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  const send = (kind: string, data: unknown, id?: string): void => {
    if (out.writableLength > MAX_UNSENT_BYTES) return void out.destroy();
    out.write(
      `${id === undefined ? '' : `id: ${id}\n`}event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`,
    );
  };
  const wanted = (pipeline: string): boolean => only === null || only === pipeline;
  const shown = new Map<string, string>();
  const show = (summary: Summary): void => {
    if (!wanted(summary.name)) return;
    const text = JSON.stringify({ ...summary, stateMs: null });
    if (shown.get(summary.name) === text) return;
    shown.set(summary.name, text);
    send('pipeline', SUMMARY.parse(summary));
  };
  const noteGone = (): void => {
    const left = new Set(fleet.list().map(({ name }) => name));
    for (const name of shown.keys())
      if (!left.has(name)) {
        shown.delete(name);
        send('gone', { name });
      }
  };
  out.write('retry: 2000\n\n');
  for (const pipeline of fleet.list()) show(pipeline.summary(Date.now()));
  if (lastId !== null)
    for (const event of fleet.events.since(lastId))
      if (wanted(event.pipeline)) send('event', EVENT.parse(event), event.id);
  const stops = [
    fleet.listen(show),
    fleet.events.listen((event) => {
      if (wanted(event.pipeline)) send('event', EVENT.parse(event), event.id);
    }),
  ];
  const looking = setInterval(noteGone, 1_000);
  const heartbeat = setInterval(() => out.write(': still here\n\n'), HEARTBEAT_MS);
  out.once('close', () => {
    clearInterval(looking);
    clearInterval(heartbeat);
    for (const stop of stops) stop();
    open.set(fleet, openStreams(fleet) - 1);
  });
}
