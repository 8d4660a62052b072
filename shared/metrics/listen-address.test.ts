import { expect, it } from 'vitest';
import { formatListenAddress, nextListenAddress, parseListenAddress } from './listen-address.ts';

it.each([
  ['9464', '127.0.0.1:9464'],
  ['0', '127.0.0.1:0'],
  ['0.0.0.0:9464', '0.0.0.0:9464'],
  ['[::]:9464', '[::]:9464'],
  ['metrics.local:80', 'metrics.local:80'],
])('%s is the address %s', (text, address) => {
  expect(formatListenAddress(parseListenAddress(text)!)).toBe(address);
});

it.each([undefined, '', 'off'])('%s serves nothing', (text) => {
  expect(parseListenAddress(text)).toBeNull();
});

it.each([':9464', 'localhost', '70000', 'a b:1', '::1:80'])('%s is refused', (text) => {
  expect(() => parseListenAddress(text)).toThrow(/WEIR_METRICS_LISTEN/);
});

it('several services on one machine have a port each', () => {
  const first = parseListenAddress('9464')!;
  expect(nextListenAddress(first, 2).port).toBe(9466);
  expect(nextListenAddress({ ...first, port: 0 }, 2).port).toBe(0);
});
