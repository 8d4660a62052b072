import { connect } from 'node:net';

const PROBE_TIMEOUT_MS = 1000;
const PROTOCOL = 10;

/** Whether a server of MySQL's protocol greets on that port of loopback, with its handshake and not with an error. */
export function probeMysql(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const answer = (isReady: boolean): void => {
      socket.destroy();
      resolve(isReady);
    };
    socket.setTimeout(PROBE_TIMEOUT_MS, () => answer(false));
    socket.on('error', () => answer(false));
    socket.on('close', () => answer(false));
    // Three bytes of length, one of sequence, then the packet.
    socket.on('data', (chunk) => answer(chunk[4] === PROTOCOL));
  });
}
