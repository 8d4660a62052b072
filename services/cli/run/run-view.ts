import { prettyFactory } from 'pino-pretty';
import type { Hub } from '../../../shared/hub/hub.ts';
import { watchStatus } from '../../../shared/hub/status-board.ts';
import { StatusBoard, statusLine } from '../status/status-line.ts';
import { liveLines } from './live-lines.ts';
import { PlainLines } from './plain-lines.ts';

const PRETTY = {
  colorize: true,
  singleLine: true,
  ignore: 'pid,hostname',
  translateTime: 'HH:MM:ss',
};
const CLEAR_BELOW = '\u001b[J';

/** What `weir run` prints while it runs: drawn anew each second on a terminal, plain lines elsewhere. */
export class RunView {
  readonly #pipeline: string;
  readonly #board = new StatusBoard();
  readonly #stops: (() => void)[];
  /** Lines on the terminal that the next drawing takes the place of. */
  #drawn = 0;
  readonly #plain = new PlainLines();
  /** Log lines as people read them, where they do. */
  readonly #pretty = process.stderr.isTTY ? prettyFactory(PRETTY) : undefined;

  constructor(hub: Hub, pipeline: string) {
    this.#pipeline = pipeline;
    const timer = setInterval(() => this.#show(), process.stdout.isTTY ? 1_000 : 5_000);
    this.#stops = [
      () => clearInterval(timer),
      watchStatus(hub.control, pipeline, (status) => this.#board.put(status)),
    ];
  }

  /** A line of a log, above what is drawn. */
  log(line: string): void {
    this.#clear();
    const text = line.startsWith('{') ? this.#pretty?.(line) : undefined;
    process.stderr.write(text ?? `${line}\n`);
  }

  /** Leaves what was drawn last where it is. */
  stop(): void {
    for (const stop of this.#stops) stop();
    this.#drawn = 0;
  }

  #show(): void {
    const services = this.#board.services();
    if (process.stdout.isTTY) {
      const { columns, rows } = process.stdout;
      const lines = liveLines(this.#pipeline, services, { columns, rows });
      this.#clear();
      process.stdout.write(`${lines.join('\n')}\n`);
      this.#drawn = lines.length;
      return;
    }
    const line = `${this.#pipeline}: ${statusLine(services)}`;
    const isCopying = services.some(
      (status) => status.service === 'source-reader' && status.phase === 'snapshotting',
    );
    if (this.#plain.isWorth(line, Date.now(), isCopying)) process.stdout.write(`${line}\n`);
  }

  #clear(): void {
    if (this.#drawn > 0) process.stdout.write(`\u001b[${this.#drawn}A\r${CLEAR_BELOW}`);
    this.#drawn = 0;
  }
}
