import { ServerError } from './mysql-error.ts';
import { lengthEncodedSize, NULL_MARK, readLengthEncoded } from './length-encoded.ts';
import { sendPacket, type Wire, type WireCommand, type WirePacket } from './wire.ts';

/** What the protocol says of a column of a result. */
export interface ResultColumn {
  name: string;
  /** The number of its collation; 63 where it is bytes. */
  collation: number;
  type: number;
}

/** What a statement without rows says of itself; after rows only the warnings. */
export interface Outcome {
  affectedRows: number;
  warnings: number;
  /** e.g. `Records: 3  Deleted: 0  Skipped: 0  Warnings: 0` */
  info: string;
}

export interface RowReceiver {
  begin(columns: readonly ResultColumn[]): void;
  /** A row of the text protocol: for each column a length and so many bytes. They may be kept; nobody writes there again. */
  row(bytes: Buffer, from: number, to: number): void;
}

const COM_QUERY = 0x03;
const OK = 0x00;
const LOCAL_FILE = 0xfb;
const END = 0xfe;
const ERROR = 0xff;
/** An end marker is shorter than any row that could begin with its byte. */
const LONGEST_END = 9;
const MORE_RESULTS = 0x0008;

/** One statement by the text protocol (manual of the protocol, COM_QUERY), rows as they come. */
export class TextQuery implements WireCommand {
  readonly done: Promise<Outcome>;
  readonly #sql: string;
  readonly #receiver: RowReceiver | null;
  #state: 'sending' | 'answer' | 'columns' | 'columns-end' | 'rows' = 'sending';
  #columns: ResultColumn[] = [];
  #awaited = 0;
  #resolve!: (outcome: Outcome) => void;
  #reject!: (error: Error) => void;

  /** Without a receiver, for statements that give no rows. */
  constructor(sql: string, receiver: RowReceiver | null) {
    this.#sql = sql;
    this.#receiver = receiver;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  execute(packet: WirePacket | undefined, wire: Wire): boolean {
    if (packet === undefined) {
      wire._resetSequenceId();
      sendPacket(wire, Buffer.concat([Buffer.of(COM_QUERY), Buffer.from(this.#sql)]));
      this.#state = 'answer';
      return false;
    }
    const { buffer, offset, end } = packet;
    const first = buffer[offset];
    if (first === ERROR) return this.#fail(ServerError.parse(buffer, offset, end));
    switch (this.#state) {
      case 'answer':
        return this.#answered(buffer, offset, end);
      case 'columns':
        this.#columns.push(parseColumn(buffer, offset));
        if (this.#columns.length === this.#awaited) this.#state = 'columns-end';
        return false;
      case 'columns-end':
        this.#state = 'rows';
        this.#receiver!.begin(this.#columns);
        return false;
      case 'rows': {
        if (first !== END || end - offset > LONGEST_END) {
          this.#receiver!.row(buffer, offset, end);
          return false;
        }
        refuseMore(buffer.readUInt16LE(offset + 3));
        const warnings = buffer.readUInt16LE(offset + 1);
        this.#resolve({ affectedRows: 0, warnings, info: '' });
        return true;
      }
      default:
        throw new TypeError(`a packet came while the query was ${this.#state}`);
    }
  }

  onResult(error: Error): void {
    this.#reject(error);
  }

  #answered(buffer: Buffer, offset: number, end: number): boolean {
    const first = buffer[offset];
    if (first === LOCAL_FILE) throw new TypeError('the server asked for a file of this machine');
    if (first !== OK) {
      this.#awaited = readLengthEncoded(buffer, offset);
      if (this.#receiver === null) throw new TypeError('rows came where none were expected');
      this.#state = 'columns';
      return false;
    }
    let at = offset + 1;
    const affectedRows = readLengthEncoded(buffer, at);
    at += lengthEncodedSize(buffer, at);
    at += lengthEncodedSize(buffer, at);
    refuseMore(buffer.readUInt16LE(at));
    const warnings = buffer.readUInt16LE(at + 2);
    this.#resolve({ affectedRows, warnings, info: buffer.toString('utf8', at + 4, end) });
    return true;
  }

  #fail(error: Error): true {
    this.#reject(error);
    return true;
  }
}

/** Only procedures and several statements at once give more than one result, and neither is ever asked for. */
function refuseMore(status: number): void {
  if ((status & MORE_RESULTS) !== 0) throw new TypeError('a statement gave several results');
}

function parseColumn(bytes: Buffer, from: number): ResultColumn {
  // catalog, database, table, its own name, name, its own name
  let at = from;
  let name = '';
  for (let part = 0; part < 6; part++) {
    const length = readLengthEncoded(bytes, at);
    at += lengthEncodedSize(bytes, at);
    if (part === 4) name = bytes.toString('utf8', at, at + length);
    at += length;
  }
  at += 1;
  return { name, collation: bytes.readUInt16LE(at), type: bytes[at + 6]! };
}

/** The values of a row as text, NULL as null. For small answers. */
export function textsOf(bytes: Buffer, from: number, to: number): (string | null)[] {
  const values: (string | null)[] = [];
  for (let at = from; at < to;) {
    if (bytes[at] === NULL_MARK) {
      values.push(null);
      at++;
      continue;
    }
    const length = readLengthEncoded(bytes, at);
    at += lengthEncodedSize(bytes, at);
    values.push(bytes.toString('utf8', at, at + length));
    at += length;
  }
  return values;
}
