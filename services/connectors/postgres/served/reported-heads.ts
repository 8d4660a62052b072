import { type Position, readPosition, writePosition } from '../../../../shared/change/position.ts';
import type { ChangeReceiver } from '../../../../shared/connector/source.ts';
import { pause } from '../../../../shared/lifecycle/backoff.ts';
import type { ControlConnection } from '../connection/control-connection.ts';
import { lsnToPosition } from '../connection/lsn.ts';
import { PassedOn } from './passed-on.ts';
import { readLogEnd } from '../connection/server-facts.ts';

const EVERY_MS = 500;

interface Head {
  end: Position;
  atMs: number;
}

/**
 * Gives changes on, and watermarks only where everything is given that was committed when the log's end was read: the
 * server's own also come in the middle, when it takes up more of the log than it has read.
 */
export class ReportedHeads extends PassedOn {
  readonly #place = Buffer.alloc(16);
  #passed: Position;
  #head: Head | null = null;

  constructor(receiver: ChangeReceiver, from: Position) {
    super(receiver);
    this.#passed = from;
  }

  /** Looks at the end of the log every so often, until aborted. */
  async watch(control: ControlConnection, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const atMs = Date.now();
      // One that was not come to yet stays: with the next it might never be.
      this.#head ??= { end: lsnToPosition(await readLogEnd(control)), atMs };
      if (!signal.aborted) this.#tell();
      await pause(EVERY_MS, signal);
    }
  }

  /** The server's own tell nothing by themselves. */
  override watermark(position: Buffer): void {
    this.passed(position);
  }

  protected passed(position: Buffer): void {
    const at = readPosition(position, 0);
    if (at > this.#passed) this.#passed = at;
    this.#tell();
  }

  #tell(): void {
    if (this.#head === null || this.#passed < this.#head.end) return;
    writePosition(this.#place, 0, this.#passed);
    const { atMs } = this.#head;
    this.#head = null;
    this.receiver.watermark(this.#place, atMs);
  }
}
