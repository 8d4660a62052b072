import { expect, it } from 'vitest';
import { createToken, Tokens } from './tokens.ts';

it('knows each token by its name, plain and hashed, and no other', async () => {
  const { token, line } = await createToken('ann');
  const tokens = Tokens.parse(`# the team\n${line}\n\nbob:a-plain-token-of-bob`);
  expect(tokens.size).toBe(2);
  expect(await tokens.nameOf(token)).toBe('ann');
  expect(await tokens.nameOf(token)).toBe('ann');
  expect(await tokens.nameOf('a-plain-token-of-bob')).toBe('bob');
  expect(await tokens.nameOf('a-plain-token-of-bo')).toBeNull();
  expect(await tokens.nameOf('')).toBeNull();
});

it('the line that is kept does not hold the token', async () => {
  const { token, line } = await createToken('ann');
  expect(line).not.toContain(token);
  expect((await createToken('ann')).line).not.toBe(line);
});

it.each(['ann', 'ann:short', 'ann:scrypt:abc:def', 'a b:0123456789abcdef0'])(
  '%s is refused, without being repeated',
  (line) => {
    expect(() => Tokens.parse(line)).toThrow(/weir control token/);
    expect(() => Tokens.parse(line)).not.toThrow(/short;|abc:def|0123456789abcdef0/);
  },
);

it('a flood of wrong tokens is turned away, not queued without end', async () => {
  const { line } = await createToken('ann');
  const tokens = Tokens.parse(line);
  const tries = Array.from({ length: 40 }, (_, n) => tokens.nameOf(`wrong-${n}`));
  const results = await Promise.allSettled(tries);
  expect(results.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(20);
}, 60_000);
