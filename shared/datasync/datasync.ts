import { encodeValue, type Encode } from './codec.ts';
import { ConsumerOrder } from './consumer-order.ts';
import { DatasyncError } from './datasync-error.ts';
import { EventLog, type DatasyncEvent } from './event-log.ts';
import { readMetrics, type Metric } from './metrics.ts';
import { Publisher } from './publisher.ts';
import { ResyncWalks, type ResyncReport, type ResyncRequest } from './resync-walk.ts';
import type { Transport } from './transport.ts';
import { Changes } from './waiting.ts';
import { refuseBadOptions, type WatchOptions } from './watch-options.ts';
import { Watch } from './watch.ts';

export interface DatasyncOptions {
  transport: Transport;
}

/** Watches and publishers of one store. */
export interface Datasync extends AsyncDisposable {
  /** Begins to watch; what comes first is a RESYNC, or changes where the state allows to go on. */
  watch<T = unknown>(options: WatchOptions<T>): Promise<Watch<T>>;
  publisher(options?: { encode?: Encode }): Publisher;
  /** Gives all watches a RESYNC in their order, or only some. What is asked for meanwhile makes one more. */
  resync(request?: ResyncRequest): Promise<ResyncReport>;
  /** States, failed keys, RESYNCs: for logs and health. */
  events(): AsyncIterableIterator<DatasyncEvent>;
  metrics(): Metric[];
  close(): Promise<void>;
}

export function createDatasync({ transport }: DatasyncOptions): Datasync {
  const order = new ConsumerOrder();
  const log = new EventLog();
  const phases = new Changes();
  const watches: Watch[] = [];
  const walks = new ResyncWalks(() => watches);
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    for (const watch of watches.toReversed()) await watch.close();
    await transport.close();
    log.close();
  };
  return {
    async watch<T>(options: WatchOptions<T>): Promise<Watch<T>> {
      if (closed) throw new DatasyncError('CLOSED', 'this datasync is closed');
      refuseBadOptions(options);
      const watch = new Watch(options, { transport, order, log, phases });
      order.register(watch);
      try {
        watch.start();
      } catch (error) {
        await watch.close();
        throw error;
      }
      for (let at = watches.length - 1; at >= 0; at--)
        if (watches[at]!.state === 'closed') watches.splice(at, 1);
      watches.push(watch as unknown as Watch);
      phases.notify();
      return watch;
    },
    publisher: ({ encode = encodeValue } = {}) => new Publisher(transport, encode),
    resync: (request = {}) => walks.resync(request),
    events: () => log.listen(),
    metrics: () => readMetrics(watches),
    close,
    [Symbol.asyncDispose]: close,
  };
}
