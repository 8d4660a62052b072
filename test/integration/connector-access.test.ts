import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { credentials, loadPackageDefinition, type Client } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { protoPath } from 'grpc-health-check';
import { expect, it, onTestFinished } from 'vitest';
import { ConnectorServiceDefinition } from '../../proto/gen/adiom/v1/adiom.ts';
import { Channel } from '../../shared/grpc/channel.ts';
import { parseChannelUrl } from '../../shared/grpc/channel-settings.ts';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import { createAuthority } from '../support/certificates.ts';
import { serveStore } from '../support/served-store.ts';

const { getInfo } = ConnectorServiceDefinition.methods;

async function ask(url: string): Promise<string> {
  const channel = new Channel({
    settings: parseChannelUrl(url),
    service: ConnectorServiceDefinition.fullName,
    permanent: 'NOT_SUPPORTED',
  });
  try {
    const call = { signal: AbortSignal.timeout(20_000) };
    return (await channel.call(getInfo, {}, call)).dbType;
  } catch (error) {
    return String(error);
  } finally {
    channel.close();
  }
}

it('a served connector is reached over TLS by those who have its authority, a certificate and the token, and by nobody else', async () => {
  const ours = await createAuthority();
  const server = await ours.issue('server');
  const clients = await createAuthority();
  const client = await clients.issue('client');
  const stranger = await ours.issue('stranger');
  const tls = {
    certificate: await readFile(server.cert),
    key: await readFile(server.key),
    clientCa: await readFile(clients.ca),
  };
  const { address } = await serveStore('random:', { access: { tls, token: 'secret' } });
  process.env['WEIR_TEST_TOKEN'] = 'secret';
  process.env['WEIR_TEST_WRONG'] = 'secre';
  const url = `grpcs://${address}?ca=${ours.ca}`;
  const own = `&cert=${client.cert}&key=${client.key}`;
  expect(await ask(`${url}${own}&tokenEnv=WEIR_TEST_TOKEN&gzip=true`)).toBe('random');
  expect(await ask(`${url}${own}&tokenEnv=WEIR_TEST_WRONG`)).toMatch(/UNAUTHENTICATED/);
  expect(await ask(`${url}${own}`)).toMatch(/send the token of this server/);
  expect(await ask(`${url}&tokenEnv=WEIR_TEST_TOKEN`)).toMatch(/UNAVAILABLE/);
  const other = `&cert=${stranger.cert}&key=${stranger.key}&tokenEnv=WEIR_TEST_TOKEN`;
  expect(await ask(`${url}${other}`)).toMatch(/UNAVAILABLE/);
  const unknown = `grpcs://${address}?ca=${clients.ca}${own}&tokenEnv=WEIR_TEST_TOKEN`;
  expect(await ask(unknown)).toMatch(/UNAVAILABLE/);
  expect(await ask(`grpc://${address}?tokenEnv=WEIR_TEST_TOKEN`)).toMatch(/UNAVAILABLE/);
});

it('a served connector tells whether it is there without a token, and describes itself', async () => {
  const access = { tls: null, token: 'secret' };
  const server = await serveStore('random:', { access });
  const health = loadPackageDefinition(loadSync(protoPath, { enums: String })) as unknown as {
    grpc: { health: { v1: { Health: new (a: string, c: unknown) => Client } } };
  };
  const peer = new health.grpc.health.v1.Health(server.address, credentials.createInsecure());
  onTestFinished(() => peer.close());
  const methods = peer as unknown as {
    check(request: object, done: (error: Error | null, answer: unknown) => void): void;
  };
  const check = (request: object): Promise<unknown> =>
    new Promise((resolve, reject) => {
      methods.check(request, (error, answer) => (error === null ? resolve(answer) : reject(error)));
    });
  expect(await check({ service: 'adiom.v1.ConnectorService' })).toEqual({ status: 'SERVING' });
  expect(await ask(`grpc://${server.address}`)).toMatch(/UNAUTHENTICATED/);
  await server.stop();
  const open = await serveStore('random:');
  const definition = loadSync(
    path.join(
      projectRoot(),
      'node_modules/@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto',
    ),
    { keepCase: true },
  );
  const { grpc } = loadPackageDefinition(definition) as unknown as {
    grpc: { reflection: { v1: { ServerReflection: new (a: string, c: unknown) => Client } } };
  };
  const reflection = new grpc.reflection.v1.ServerReflection(
    open.address,
    credentials.createInsecure(),
  );
  onTestFinished(() => reflection.close());
  const stream = (
    reflection as unknown as { ServerReflectionInfo(): NodeJS.ReadWriteStream }
  ).ServerReflectionInfo();
  (stream as unknown as { write(message: object): void }).write({ list_services: '' });
  const answer = await new Promise((resolve) => stream.once('data', resolve));
  stream.end();
  expect(JSON.stringify(answer)).toContain('adiom.v1.ConnectorService');
});
