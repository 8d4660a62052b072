import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import { describeServer, parseConnectionUrl } from './connection-url.ts';

it('a URL says where to, as whom, and nothing else counts', () => {
  const url = parseConnectionUrl('mysql://app:p%40ss@db1:3307/shop');
  expect(url).toMatchObject({
    ...{ host: 'db1', port: 3307, database: 'shop', user: 'app', socket: null },
    ...{ sslMode: 'PREFERRED', takesServerKey: false, connectTimeoutMs: 15_000 },
  });
  expect(url.password.reveal()).toBe('p@ss');
  expect(inspect(url) + JSON.stringify(url)).not.toContain('p@ss');
});

it.each([
  ['mariadb://u@h', { host: 'h', port: 3306, database: null }],
  ['mysql://u@[::1]:3306/', { host: '::1', database: null }],
  ['mysql://u@h/d?ssl-mode=verify-ca', { sslMode: 'VERIFY_CA' }],
  ['mysql://u@h/d?ssl-mode=VERIFY_IDENTITY', { sslMode: 'VERIFY_IDENTITY' }],
  ['mysql://u@h/d?ssl-ca=/a.pem', { sslMode: 'VERIFY_CA', sslCa: '/a.pem' }],
  ['mysql://u@h/d?connect-timeout=3', { connectTimeoutMs: 3_000 }],
  ['mysql://u@h/d?get-server-public-key=true', { takesServerKey: true }],
  ['mysql://u@h/d?socket=/run/my.sock', { socket: '/run/my.sock', sslMode: 'DISABLED' }],
  ['mysql://u@h/a%2Eb%25', { database: 'a.b%' }],
])('%s', (text, parts) => {
  expect(parseConnectionUrl(text)).toMatchObject(parts);
});

describe('refused, without a word of the password', () => {
  it.each([
    ['postgres://u:secret@h/d', 'cannot be read'],
    ['mysql:secret', 'names no user'],
    ['mysql://:secret@h/d', 'names no user'],
    ['mysql://u:secret@h/d/e', 'path of several parts'],
    ['mysql://u:secret@h/d?sslmode=require', '(did you mean ssl-mode?)'],
    ['mysql://u:secret@h/d?charset=latin1', '"charset", which is not known'],
    ['mysql://u:secret@h/d?ssl-mode=on', 'it may be DISABLED'],
    ['mysql://u:secret@h/d?ssl-mode=DISABLED&ssl-mode=REQUIRED', 'twice'],
    ['mysql://u:secret@h/d?ssl-mode=DISABLED&ssl-ca=/x', 'leave one of them out'],
    ['mysql://u:secret@h/d?ssl-cert=/x', 'needs both'],
    ['mysql://u:secret@h/d?socket=run', 'no absolute path'],
    ['mysql://u:secret@h/d?socket=/run&ssl-mode=REQUIRED', 'a socket is not encrypted'],
    ['mysql://u:secret@h/d?connect-timeout=0', 'no number from 1'],
    ['mysql://u:secret@h/d?get-server-public-key=maybe', 'true or false'],
    ['mysql://u:secret@h/d?ssl-ca=', 'without a value'],
    ['mysql://u:secret@10.0.0.1/d?ssl-mode=VERIFY_IDENTITY', 'as its certificate does'],
    ['mysql://u:secret@[::1]/d?ssl-mode=VERIFY_IDENTITY', 'as its certificate does'],
    ['mysql://u:secret@h:0/d', 'no number from 1'],
    ['mysql://u:sec%ret@h/d', 'percent-encoded'],
    ['mysql://u:secret@a,b/d', 'several hosts'],
  ])('%s', (text, said) => {
    const error = (() => {
      try {
        return parseConnectionUrl(text);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(WeirError);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    expect((error as WeirError).message).toContain(said);
    expect((error as WeirError).message).not.toMatch(/sec(%)?ret/);
  });
});

it('a server is named by where it is', () => {
  const name = (text: string): string => describeServer(parseConnectionUrl(text));
  expect(name('mysql://u:secret@db1/shop')).toBe('db1:3306/shop');
  expect(name('mysql://u@[::1]/shop')).toBe('[::1]:3306/shop');
  expect(name('mysql://u@h/shop?socket=/run/my.sock')).toBe('/run/my.sock/shop');
});
