import { TcpProxy } from '../../support/tcp-proxy.ts';
import type { HuntCase, ServerName, Step } from '../hunt-case.ts';

type Fault = Step & { do: 'network' };
/** How a server says that a transaction is committed. */
const COMMITTED = Buffer.from('COMMIT\0');

/** The wires between the pipeline and its servers, which a case may disturb. */
export class Network {
  readonly #proxies: Readonly<Record<ServerName, TcpProxy>>;
  readonly #mending = new Set<Promise<void>>();
  readonly #soon: (() => void)[] = [];

  private constructor(proxies: Record<ServerName, TcpProxy>) {
    this.#proxies = proxies;
  }

  /** Undefined where the case leaves the wires alone: then there is nothing between. */
  static async open(
    { steps }: HuntCase,
    ports: Readonly<Record<ServerName, number>>,
  ): Promise<Network | undefined> {
    if (!steps.some((step) => step.do === 'network')) return undefined;
    return new Network({
      source: await TcpProxy.listen(ports.source),
      target: await TcpProxy.listen(ports.target),
      broker: await TcpProxy.listen(ports.broker),
    });
  }

  urlFor(at: ServerName, url: string): string {
    return this.#proxies[at].urlFor(url).replace(/\/$/, '');
  }

  /** Happens now, and is over by itself. */
  disturb({ at, how, ms }: Fault): void {
    const proxy = this.#proxies[at];
    switch (how) {
      case 'cut':
        proxy.cut();
        return;
      case 'lose':
        proxy.lose();
        return;
      case 'lose answer':
        proxy.loseAnswers(COMMITTED, 1);
        return;
      case 'refuse':
        proxy.refuse();
        this.#later(ms, () => proxy.admit());
        return;
      case 'hold':
        proxy.hold();
        this.#later(ms, () => proxy.release());
        return;
    }
  }

  /** Until everything that is disturbed for a time works again. */
  async mended(): Promise<void> {
    await Promise.all(this.#mending);
  }

  async close(): Promise<void> {
    for (const mend of this.#soon.splice(0)) mend();
    for (const proxy of Object.values(this.#proxies)) await proxy.close();
  }

  #later(ms: number, mend: () => void): void {
    const over = new Promise<void>((resolve) => {
      const timer = setTimeout(() => end(), ms);
      const end = (): void => {
        clearTimeout(timer);
        mend();
        resolve();
      };
      this.#soon.push(end);
    });
    this.#mending.add(over);
  }
}
