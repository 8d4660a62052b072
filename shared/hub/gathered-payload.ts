import { Parser, State } from 'nats/lib/nats-base-client/parser.js';

/**
 * A message that comes in many pieces, put together in a buffer of its size. The client's own buffer doubles as the
 * pieces come: for each byte carried it makes two more, zeroed, then garbage, and the collector runs for their sake.
 */
class GatheredPayload {
  readonly #bytes: Buffer;
  length: number;

  constructor(size: number, first: Uint8Array) {
    this.#bytes = Buffer.allocUnsafeSlow(size);
    this.#bytes.set(first);
    this.length = first.length;
  }

  write(piece: Uint8Array): number {
    this.#bytes.set(piece, this.length);
    this.length += piece.length;
    return piece.length;
  }

  writeByte(byte: number): number {
    this.#bytes[this.length++] = byte;
    return 1;
  }

  bytes(): Uint8Array {
    return this.#bytes;
  }
}

/** Of the client's parser, where it is inside a message: `size` is that of the message, headers and all. */
interface Inside {
  state: State;
  ma: { size: number };
  msgBuf?: GatheredPayload | { bytes(options: { copy: false }): Uint8Array };
}

// eslint-disable-next-line @typescript-eslint/unbound-method -- called with the parser it is of, below
const parse = Parser.prototype.parse;

/** From here on in this process, whoever connects. */
export function gatherPayloads(): void {
  Parser.prototype.parse = function (this: Parser, chunk: Uint8Array): void {
    parse.call(this, chunk);
    const inside = this as unknown as Inside;
    if (inside.state !== State.MSG_PAYLOAD || inside.msgBuf instanceof GatheredPayload) return;
    inside.msgBuf = new GatheredPayload(inside.ma.size, inside.msgBuf!.bytes({ copy: false }));
  };
}
