import type { ClientBase, Connection, Submittable } from 'pg';
import { sendCopy, type CopyConnection, type CopyIn } from './copy-in.ts';

/** How many rows the statement at `index` of a script touched, once it is complete. */
export type ScriptWatch = (index: number, rows: number) => void;

interface CommandComplete {
  text: string;
}

/**
 * Several statements sent as one simple query, COPY FROM STDIN among them: a whole transaction in about as many
 * round trips as it has COPYs. `copies` answer the COPY statements in order.
 *
 * A copy that cannot be finished (its source throws, or the server refuses a row while bytes are in flight) may leave
 * the connection in the middle of a message: unless it cannot, it is torn down, which rolls the transaction back. The
 * server drops what still comes of a copy that it has refused.
 */
export class Script implements Submittable {
  readonly #text: string;
  readonly #copies: readonly CopyIn[];
  readonly #watch: ScriptWatch;
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;
  #statement = 0;
  #copy = 0;
  readonly #stop = new AbortController();
  #failure: { error: unknown } | null = null;

  constructor(
    text: string,
    copies: readonly CopyIn[],
    watch: ScriptWatch,
    resolve: () => void,
    reject: (error: unknown) => void,
  ) {
    this.#text = text;
    this.#copies = copies;
    this.#watch = watch;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: Connection): void {
    connection.query(this.#text);
  }

  handleCommandComplete(message: CommandComplete): void {
    const rows = Number(/\d+$/.exec(message.text)?.[0] ?? 0);
    try {
      this.#watch(this.#statement++, rows);
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  handleCopyInResponse(connection: CopyConnection): void {
    const copy = this.#copies[this.#copy++];
    if (this.#failure !== null || copy === undefined)
      return connection.sendCopyFail('given up by the client');
    sendCopy(connection, copy, this.#stop.signal).then(
      (complete) => {
        if (!complete && copy.whole !== true) connection.stream.destroy();
      },
      (error: unknown) => {
        this.#failure ??= { error };
        connection.stream.destroy();
      },
    );
  }

  handleError(error: unknown): void {
    this.#failure ??= { error };
    this.#stop.abort();
    this.#reject(this.#failure.error);
  }

  handleReadyForQuery(): void {
    if (this.#failure !== null) this.#reject(this.#failure.error);
    else this.#resolve();
  }

  handleRowDescription(): void {
    this.#failure ??= { error: new Error('a script got rows that it did not ask for') };
  }

  handleDataRow(): void {}

  handleEmptyQuery(): void {}

  handlePortalSuspended(): void {}
}

/** Runs the script; a `watch` that throws gives it up. The promise settles after the server is done with it. */
export function runScript(
  client: ClientBase,
  text: string,
  copies: readonly CopyIn[],
  watch: ScriptWatch = () => {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    const script: Script = new Script(text, copies, watch, resolve, reject);
    client.query(script);
  });
}
