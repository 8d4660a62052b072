import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** One client's connection, carried to the server. */
interface Link {
  client: Socket;
  server: Socket;
  /** The client was told that the connection ended; the server was not, and keeps what it has. */
  halfClosed: boolean;
  /** What either side says is lost, and neither is told. */
  lost: boolean;
}

/**
 * A loopback proxy whose wire a test can cut, slow down, stop, or half-close, and which can lose one answer. What is
 * held back is kept in order, and the sender is held back with it, as by a network.
 */
export class TcpProxy {
  /** Added to each piece that travels, in both directions. */
  delayMs = 0;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #held: { promise: Promise<void>; release: () => void } | undefined;
  #refusing = false;
  #trap: { pattern: Buffer; remaining: number } | undefined;

  #targetPort: number;

  private constructor(server: Server, targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = server;
    server.on('connection', (client) => this.#accept(client, this.#targetPort));
  }

  static async listen(targetPort: number): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true });
    const proxy = new TcpProxy(server, targetPort);
    server.listen({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The same URL, through this proxy. */
  urlFor(url: string): string {
    const through = new URL(url);
    through.port = String(this.port);
    return through.href;
  }

  /** Cuts, and leads to another server from now on. */
  redirect(targetPort: number): void {
    this.#targetPort = targetPort;
    this.cut();
  }

  /** Resets every connection; new ones are let in. */
  cut(): void {
    for (const link of this.#links) {
      link.client.resetAndDestroy();
      link.server.resetAndDestroy();
    }
    this.#links.clear();
  }

  /** Cuts, and lets nobody in until `admit`. */
  refuse(): void {
    this.#refusing = true;
    this.cut();
  }

  admit(): void {
    this.#refusing = false;
  }

  /** From now on nothing arrives, and no connection is told so, until `release`. */
  hold(): void {
    if (this.#held !== undefined) return;
    let release = (): void => undefined;
    const promise = new Promise<void>((resolve) => (release = resolve));
    this.#held = { promise, release };
  }

  release(): void {
    this.#held?.release();
    this.#held = undefined;
  }

  /** Clients see their connections end; the server sees nothing, and goes on holding what those had. */
  halfClose(): void {
    for (const link of this.#links) {
      link.halfClosed = true;
      link.client.end();
      link.server.resume();
    }
  }

  /** The connections of now lead nowhere any more, and nobody is told; new ones are let through. */
  lose(): void {
    for (const link of this.#links) link.lost = true;
  }

  /**
   * The next `count` answers of the server that hold `pattern` are lost, with their connections: the server has done
   * what it was asked, and the client never learns it.
   */
  loseAnswers(pattern: Buffer, count: number): void {
    this.#trap = { pattern, remaining: count };
  }

  get answersToLose(): number {
    return this.#trap?.remaining ?? 0;
  }

  async close(): Promise<void> {
    this.release();
    this.#refusing = true;
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket, targetPort: number): void {
    // The client learns of it by its connection; here there is nothing to do about it.
    client.on('error', () => undefined);
    if (this.#refusing) {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true });
    const link: Link = { client, server, halfClosed: false, lost: false };
    this.#links.add(link);
    server.on('error', () => client.resetAndDestroy());
    this.#forward(client, server, link);
    this.#forward(server, client, link);
    client.on('close', () => {
      if (link.halfClosed) return;
      server.destroy();
      this.#links.delete(link);
    });
    server.on('close', () => {
      if (link.lost) return;
      client.destroy();
      this.#links.delete(link);
    });
  }

  #forward(from: Socket, to: Socket, link: Link): void {
    let turn = Promise.resolve();
    const inTurn = (step: () => void): void => {
      turn = turn.then(async () => {
        if (this.delayMs > 0) await sleep(this.delayMs);
        await this.#held?.promise;
        if (!link.halfClosed && !link.lost && !to.destroyed) step();
      });
    };
    from.on('data', (bytes: Buffer) => {
      if (link.halfClosed) return;
      if (from === link.server && this.#isLost(bytes)) {
        link.client.resetAndDestroy();
        link.server.destroy();
        return;
      }
      from.pause();
      inTurn(() => {
        if (to.write(bytes)) from.resume();
        else to.once('drain', () => from.resume());
      });
    });
    from.on('end', () => inTurn(() => to.end()));
  }

  #isLost(bytes: Buffer): boolean {
    const trap = this.#trap;
    if (trap === undefined || trap.remaining === 0 || !bytes.includes(trap.pattern)) return false;
    trap.remaining--;
    return true;
  }
}
