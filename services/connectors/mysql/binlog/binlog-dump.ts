import { ServerError } from '../connection/mysql-error.ts';
import { sendPacket, type Wire, type WireCommand, type WirePacket } from '../connection/wire.ts';

const COM_BINLOG_DUMP = 0x12;
const EVENT = 0x00;
const END = 0xfe;
const ERROR = 0xff;
const LONGEST_END = 9;
const ENDS_AT_END = 0x01;

export interface DumpOptions {
  file: string;
  /** Where an event begins; 4 is the first of a file. */
  position: number;
  /** Another reader with this number would end this one, and it that one. */
  serverId: number;
  /** Ends at the end of the log instead of waiting there. */
  untilEnd?: boolean;
}

/** Asks for the log from a position on (manual of the protocol, COM_BINLOG_DUMP). Each event may be kept. */
export class BinlogDump implements WireCommand {
  /** Ends with the log where it was asked for up to its end; else only by failing. */
  readonly done: Promise<void>;
  readonly #options: DumpOptions;
  readonly #receive: (event: Buffer) => void;
  #hasFailed = false;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor(options: DumpOptions, receive: (event: Buffer) => void) {
    this.#options = options;
    this.#receive = receive;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  execute(packet: WirePacket | undefined, wire: Wire): boolean {
    if (packet === undefined) {
      wire._resetSequenceId();
      sendPacket(wire, this.#request());
      return false;
    }
    const { buffer, offset, end } = packet;
    // The server goes on sending until the connection is closed.
    if (this.#hasFailed) return false;
    const first = buffer[offset];
    if (first === EVENT) {
      try {
        this.#receive(buffer.subarray(offset + 1, end));
      } catch (error) {
        this.#hasFailed = true;
        this.#reject(error);
      }
      return false;
    }
    if (first === ERROR) this.#reject(ServerError.parse(buffer, offset, end));
    else if (first === END && end - offset < LONGEST_END) this.#resolve();
    else this.#reject(new TypeError(`a packet of the log begins with ${first}`));
    return true;
  }

  onResult(error: Error): void {
    this.#reject(error);
  }

  #request(): Buffer {
    const { file, position, serverId, untilEnd } = this.#options;
    const head = Buffer.alloc(11);
    head[0] = COM_BINLOG_DUMP;
    head.writeUInt32LE(position, 1);
    head.writeUInt16LE(untilEnd === true ? ENDS_AT_END : 0, 5);
    head.writeUInt32LE(serverId, 7);
    return Buffer.concat([head, Buffer.from(file)]);
  }
}
