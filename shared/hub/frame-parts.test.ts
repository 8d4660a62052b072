import { expect, it } from 'vitest';
import { formatPart, IncompleteFrame, parsePart } from './frame-parts.ts';

const part = (index: number, count = 3, wholeBytes = 9) => ({ index, count, wholeBytes });

it('a part says which it is, and what does not say so soundly is none', () => {
  expect(parsePart(formatPart(part(2)), 3)).toEqual(part(2));
  expect(parsePart('', 7)).toEqual({ index: 0, count: 1, wholeBytes: 7 });
  for (const text of ['1/2', '2/2/9', 'a/b/c', '0/2/2', '0/2/999999999999999', '-1/2/9', '0/2/9/'])
    expect(parsePart(text, 3), text).toBeNull();
});

it('parts are put where they belong as they come, in memory that is there from the first one on', () => {
  const frame = new IncompleteFrame(part(0));
  const { bytes } = frame;
  for (const [index, text] of ['abc', 'def', 'ghi'].entries()) {
    expect(frame.isWhole).toBe(false);
    expect(frame.add(part(index), Buffer.from(text), `reply ${index}`)).toBe(true);
    expect(frame.bytes).toBe(bytes);
  }
  expect(frame.isWhole).toBe(true);
  expect(bytes.toString()).toBe('abcdefghi');
  expect(frame.replies).toEqual(['reply 0', 'reply 1', 'reply 2']);
});

it('what is not the next part of the frame is refused', () => {
  const bytes = Buffer.from('abc');
  const begun = (): IncompleteFrame => {
    const frame = new IncompleteFrame(part(0));
    expect(frame.add(part(0), bytes, '')).toBe(true);
    return frame;
  };
  expect(begun().add(part(2), bytes, '')).toBe(false);
  expect(begun().add(part(0), bytes, '')).toBe(false);
  expect(begun().add(part(1, 4), bytes, '')).toBe(false);
  expect(begun().add(part(1, 3, 10), bytes, '')).toBe(false);
  expect(begun().add(part(1), Buffer.alloc(7), '')).toBe(false);
  const short = begun();
  expect(short.add(part(1), bytes, '')).toBe(true);
  expect(short.add(part(2), Buffer.from('gh'), '')).toBe(false);
});
