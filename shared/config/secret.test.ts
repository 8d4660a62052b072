import { format, inspect } from 'node:util';
import { expect, it } from 'vitest';
import { describeUrl, redactUrls } from './redact-url.ts';
import { Secret } from './secret.ts';

it('a secret is seen only where it is asked for', () => {
  const secret = new Secret('hunter2');
  const seen = [String(secret), JSON.stringify({ secret }), inspect({ a: { secret } })];
  expect(seen.join() + format('%s %o %j', secret, secret, secret)).not.toContain('hunter2');
  expect(secret.reveal()).toBe('hunter2');
});

it('credentials of URLs are taken out of any text', () => {
  expect(redactUrls('cannot reach postgres://u:p@h:5/d, nats://t@n:1')).toBe(
    'cannot reach postgres://[redacted]@h:5/d, nats://[redacted]@n:1',
  );
  expect(redactUrls('x://u:p@ss/w#rd@h/d')).toBe('x://[redacted]@h/d');
  expect(redactUrls(JSON.stringify({ url: 'x://u:a"b@h/d' }))).toBe('{"url":"x://[redacted]@h/d"}');
  expect(redactUrls('x://h/d?password=p&a=1')).toBe('x://h/d?password=[redacted]&a=1');
  expect(redactUrls('x://h:1/d and mail a@b.c')).toBe('x://h:1/d and mail a@b.c');
});

it('a URL is described without user and password', () => {
  expect(describeUrl('postgres://u:p@h:5432/d?sslmode=x')).toBe('postgres://h:5432/d');
  expect(describeUrl('postgres://u:p/x@h')).not.toContain('p/x');
});
