import { expect, it } from 'vitest';
import { AdiomPeer } from '../support/adiom-peer.ts';
import { useWeir } from '../support/weir-process.ts';

const weir = useWeir();

it('weir connector serve: serves until it is stopped, and ends in order while a peer follows', async () => {
  const url = 'random:?seed=3&rate=50';
  const serving = weir.start(['connector', 'serve', url, '--listen', '127.0.0.1:0']);
  const line = await serving.waitForLine(/^serving random: at grpc:/);
  const peer = new AdiomPeer(line.replace(/^.*grpc:\/\//, ''));
  expect(await peer.call('GetInfo', {})).toMatchObject({ db_type: 'random' });
  const plan = await peer.call('GeneratePlan', { initial_sync: false, updates: true });
  const [{ cursor }] = plan['updates_partitions'] as [{ cursor: Buffer }];
  const type = 'DATA_TYPE_MONGO_BSON';
  const follow = async (): Promise<void> => {
    const stream = peer.stream('StreamUpdates', { namespaces: [], type, cursor });
    let told = false;
    for await (const { updates } of stream) {
      if (told || (updates as unknown[]).length === 0) continue;
      told = true;
      serving.kill('SIGTERM');
    }
  };
  await expect(follow()).rejects.toThrow(/UNAVAILABLE/);
  peer.close();
  const { code, stderr } = await serving.exited;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

it('weir connector serve: refuses what it cannot serve, by name', async () => {
  const serve = (url: string, listen: string) =>
    weir.run(['connector', 'serve', url, '--listen', listen]);
  const scheme = await serve('grpc://127.0.0.1:1', '127.0.0.1:0');
  expect(scheme.stderr).toMatch(
    /of the kind grpc cannot be served; postgres, file, random and null can/,
  );
  const address = await serve('random:', 'somewhere');
  expect(address.stderr).toMatch(/--listen must be HOST:PORT/);
  const listen = ['--listen', '127.0.0.1:0'];
  const half = await weir.run(['connector', 'serve', 'random:', ...listen, '--tls-key', 'x']);
  expect(half.stderr).toMatch(/--tls-cert and --tls-key go together/);
  expect([scheme.code, address.code, half.code]).toEqual([2, 2, 2]);
});
