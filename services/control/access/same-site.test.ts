import { expect, it } from 'vitest';
import { foreignRequest, isLoopback } from './same-site.ts';

const request = (more: object) => ({
  host: 'localhost:8080',
  origin: undefined,
  fetchSite: undefined,
  ...more,
});

it('programs and the console itself may', () => {
  expect(foreignRequest(request({}), true)).toBeNull();
  expect(foreignRequest(request({ host: '127.0.0.1:8080' }), true)).toBeNull();
  expect(foreignRequest(request({ host: '[::1]:8080' }), true)).toBeNull();
  expect(
    foreignRequest(request({ origin: 'http://localhost:8080', fetchSite: 'same-origin' }), true),
  ).toBeNull();
});

it.each([
  ['a name that was made to point to loopback', { host: 'evil.example:8080' }],
  ['a name that only begins like loopback', { host: '127.0.0.1.evil.example' }],
  ['no host', { host: undefined }],
  ['a page of another site', { origin: 'https://evil.example' }],
  ['a page of another port', { origin: 'http://localhost:3000' }],
  ['a page without an origin to tell', { origin: 'null' }],
  ['a form of another site, without Origin', { fetchSite: 'cross-site' }],
])('%s may not', (_, more) => {
  expect(foreignRequest(request(more), true)).toMatch(/\w/);
});

it('a control for others may be called by any name', () => {
  expect(foreignRequest(request({ host: 'weir.example' }), false)).toBeNull();
});

it.each(['127.0.0.1', '::1', '[::1]', 'localhost', '127.1.2.3'])('%s is loopback', (host) => {
  expect(isLoopback(host)).toBe(true);
});

it.each(['0.0.0.0', '::', '10.0.0.1', 'weir.example'])('%s is not', (host) => {
  expect(isLoopback(host)).toBe(false);
});
