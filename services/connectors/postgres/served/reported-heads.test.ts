import { expect, it, onTestFinished } from 'vitest';
import type { ChangeReceiver } from '../../../../shared/connector/source.ts';
import type { ControlConnection } from '../connection/control-connection.ts';
import { lsnToPosition, parseLsn } from '../connection/lsn.ts';
import { ReportedHeads } from './reported-heads.ts';

const positionOf = (lsn: string) => lsnToPosition(parseLsn(lsn));
const bytesOf = (lsn: string): Buffer => Buffer.from(positionOf(lsn), 'hex');

it('a watermark of the server is told where everything up to the end of the log was given, and not in the middle', async () => {
  const told: string[] = [];
  const receiver = {
    commit: () => undefined,
    watermark: (position: Buffer) => void told.push(position.toString('hex')),
  } as unknown as ChangeReceiver;
  const control = {
    query: () => Promise.resolve([{ lsn: '0/300' }]),
  } as unknown as ControlConnection;
  const heads = new ReportedHeads(receiver, positionOf('0/100'));
  heads.watermark(bytesOf('0/100'));
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  void heads.watch(control, stop.signal);
  await new Promise((resolve) => setImmediate(resolve));
  heads.watermark(bytesOf('0/200'));
  heads.commit(bytesOf('0/280'), 0);
  expect(told).toEqual([]);
  heads.watermark(bytesOf('0/300'));
  expect(told).toEqual([positionOf('0/300')]);
});
