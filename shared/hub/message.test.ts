import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseMessage, PROTOCOL, toMessageText } from './message.ts';

const SCHEMA = z.looseObject({ kind: z.literal('progress'), lanes: z.array(z.number()) });
const parse = (text: string | Buffer) => parseMessage(Buffer.from(text), SCHEMA);

describe('a message', () => {
  it('comes as what was sent', () => {
    expect(parse(toMessageText({ kind: 'progress', lanes: [1] }))).toEqual({
      value: { kind: 'progress', lanes: [1] },
    });
  });

  it.each([0, PROTOCOL + 1, 2 ** 40])('of version %d is refused, and its version named', (v) => {
    expect(parse(JSON.stringify({ v, kind: 'progress', lanes: [] }))).toEqual({
      reason: `it is of version ${v} of the protocol, and this process reads ${PROTOCOL}`,
    });
  });

  it.each([
    ['not JSON', '{', /not JSON/],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22]), /not JSON/],
    ['null', 'null', /version/],
    ['without a version', '{"kind":"progress","lanes":[]}', /version/],
    ['with a version that is no number', '{"v":"1","kind":"progress","lanes":[]}', /version/],
    ['of another kind', `{"v":${PROTOCOL},"kind":"secret","lanes":[]}`, /^kind is not as/],
    ['with a wrong part', `{"v":${PROTOCOL},"kind":"progress","lanes":["secret"]}`, /^lanes\.0/],
  ])('that is %s is refused, and no value of it is told', (_, text, reason) => {
    const parsed = parse(text);
    expect(parsed).toEqual({ reason: expect.stringMatching(reason) as string });
    expect(JSON.stringify(parsed)).not.toContain('secret');
  });
});
