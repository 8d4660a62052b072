import { createServer } from 'node:net';
import {
  formatListenAddress,
  type ListenAddress,
  nextListenAddress,
} from '../../../shared/metrics/listen-address.ts';

const TRIES = 2_000;

/**
 * Addresses at which the services that control starts serve their metrics: ports behind its own, a row for each pipeline,
 * kept while it runs, so that a service that starts again is where it was. Prometheus asks for the list (`http_sd`).
 */
export class MetricsPorts {
  readonly #own: ListenAddress;
  readonly #rows = new Map<number, number>();

  constructor(own: ListenAddress) {
    this.#own = own;
  }

  /** The first of `count` free ports in a row; null where there are none, which is no reason not to run. */
  take(count: number): Promise<ListenAddress | null> {
    // One after the other: what is free for one is free for another that looks meanwhile.
    const taken = this.#last.then(() => this.#find(count));
    this.#last = taken;
    return taken;
  }
  #last: Promise<unknown> = Promise.resolve();

  async #find(count: number): Promise<ListenAddress | null> {
    const { host } = this.#own;
    let port = this.#own.port + 1;
    for (let tries = 0; tries < TRIES && port + count <= 65_536; tries++) {
      const inTheWay = await this.#takenWithin(port, count);
      if (inTheWay === null) {
        this.#rows.set(port, count);
        return { host, port };
      }
      port = inTheWay + 1;
    }
    return null;
  }

  release({ port }: ListenAddress): void {
    this.#rows.delete(port);
  }

  /** As Prometheus reads it; `asked`: the host by which control was asked, for those that listen on every address. */
  targets(asked: string | undefined): { targets: string[]; labels: Record<string, string> }[] {
    const { host } = this.#own;
    const named = ['0.0.0.0', '::'].includes(host) ? hostOf(asked) : host;
    if (named === null) return [];
    const targets = [...this.#rows].flatMap(([port, count]) =>
      Array.from({ length: count }, (_, place) =>
        formatListenAddress(nextListenAddress({ host: named, port }, place)),
      ),
    );
    return targets.length === 0 ? [] : [{ targets, labels: {} }];
  }

  /** The last port of the row that somebody has; null where all are free. */
  async #takenWithin(first: number, count: number): Promise<number | null> {
    for (let port = first + count - 1; port >= first; port--) {
      const isOurs = [...this.#rows].some(([row, size]) => port >= row && port < row + size);
      if (isOurs || !(await isFree({ ...this.#own, port }))) return port;
    }
    return null;
  }
}

function hostOf(asked: string | undefined): string | null {
  const [, host] = /^(\[[0-9a-fA-F:]+\]|[\w.-]+)(:\d+)?$/.exec(asked ?? '') ?? [];
  return host?.replaceAll(/[[\]]/g, '') ?? null;
}

function isFree({ host, port }: ListenAddress): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
