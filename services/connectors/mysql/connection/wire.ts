import type { Socket } from 'node:net';
import { type Connection, createConnection, type ConnectionOptions } from 'mysql2';

/**
 * What we use of mysql2: the handshake with its ways to authenticate, TLS, and packets that come in. Its queries, rows
 * and values are not used. The members are not of its documented interface, so its version is pinned, and nothing but
 * this file knows of them.
 */
export interface Wire {
  /** Of the handshake, until TLS replaces it; ask each time. */
  readonly stream: Socket;
  /** As the server numbers connections; a proxy may tell one of its own. */
  readonly threadId: number;
  /** Runs it when all commands before it are done; after a loss `onResult` is told at once. */
  addCommand(command: WireCommand): void;
  write(bytes: Buffer): void;
  _resetSequenceId(): void;
  _bumpSequenceId(packets: number): void;
  readonly sequenceId: number;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'warn', listener: (warning: Error) => void): unknown;
  once(event: 'connect', listener: () => void): unknown;
}

/** The payload of one packet is `buffer[offset…end)`; the object is used again for the next one, the bytes are not. */
export interface WirePacket {
  readonly buffer: Buffer;
  readonly offset: number;
  readonly end: number;
}

export interface WireCommand {
  /** First without a packet, then for each one until it returns true. What it throws ends the connection. */
  execute(packet: WirePacket | undefined, wire: Wire): boolean;
  /** The connection is lost. */
  onResult(error: Error): void;
}

/** The most that one packet carries; a longer one goes on in the next. */
const MOST_BYTES = 0xff_ff_ff;

/** Connects and authenticates. */
export function openWire(options: ConnectionOptions): Promise<Wire> {
  const wire = createConnection(options) as Connection & Wire;
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => {
      wire.stream.destroy();
      reject(error);
    };
    wire.on('error', onError);
    wire.once('connect', () => {
      wire.removeListener('error', onError);
      resolve(wire);
    });
  });
}

/** One command to the server. */
export function sendPacket(wire: Wire, payload: Buffer): void {
  for (let from = 0; ; from += MOST_BYTES) {
    const part = payload.subarray(from, from + MOST_BYTES);
    const header = Buffer.allocUnsafe(4);
    header.writeUIntLE(part.length, 0, 3);
    header[3] = wire.sequenceId;
    wire._bumpSequenceId(1);
    wire.write(header);
    wire.write(part);
    if (part.length < MOST_BYTES) return;
  }
}
