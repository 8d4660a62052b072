import { connect } from 'node:net';

export type NatsProbe = 'ready' | 'not-ready' | 'somebody-else';

const PROBE_TIMEOUT_MS = 1000;

/**
 * Asks a server on loopback whether it is the one of that name and whether its JetStream answers. The few lines of the
 * NATS text protocol that this takes (docs.nats.io, "Client Protocol") spare the client library its reconnecting.
 */
export function probeNats(port: number, serverName: string): Promise<NatsProbe> {
  return new Promise((resolve) => {
    let received = '';
    let asked = false;
    const socket = connect({ port, host: '127.0.0.1' });
    const answer = (probe: NatsProbe): void => {
      socket.destroy();
      resolve(probe);
    };
    socket.setTimeout(PROBE_TIMEOUT_MS, () => answer('not-ready'));
    socket.on('error', () => answer('not-ready'));
    socket.on('close', () => answer('not-ready'));
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      received += chunk;
      if (!asked && received.includes('\r\n')) {
        if (!received.includes(`"server_name":"${serverName}"`)) return answer('somebody-else');
        asked = true;
        socket.write(
          'CONNECT {"verbose":false}\r\nSUB weir.probe 1\r\nPUB $JS.API.INFO weir.probe 0\r\n\r\n',
        );
      }
      if (received.includes('io.nats.jetstream.api.v1.account_info_response')) {
        answer(received.includes('"error"') ? 'not-ready' : 'ready');
      }
    });
  });
}
