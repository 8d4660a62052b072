import { afterEach, expect, it, vi } from 'vitest';
import { JoinedBytes } from './joined-bytes.ts';

afterEach(() => vi.restoreAllMocks());

/** Words end with a dot. */
function words(pieces: readonly string[]): string[] {
  const joined = new JoinedBytes();
  const found: Buffer[] = [];
  for (const piece of pieces) {
    const all = joined.add(Buffer.from(piece));
    let at = 0;
    for (let end = all.indexOf('.'); end >= 0; end = all.indexOf('.', at)) {
      found.push(all.subarray(at, end));
      at = end + 1;
    }
    joined.keep(all, at);
  }
  // Only now: what was given must not be written over by what came later.
  return found.map((word) => word.toString());
}

it.each([1, 2, 3, 5, 100])('gives what is whole, cut every %i bytes', (length) => {
  const text = 'a.word.longer than that..and more.e.';
  const pieces = text.match(new RegExp(`.{1,${length}}`, 'g'))!;
  expect(words(pieces)).toEqual(text.split('.').slice(0, -1));
});

it('copies a large value in many pieces a few times and no more', () => {
  let copied = 0;
  const prototype = Buffer.prototype as Buffer;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the buffer it is of
  const copy = prototype.copy as (...args: unknown[]) => number;
  vi.spyOn(prototype, 'copy').mockImplementation(function (this: Buffer, ...args) {
    const bytes = copy.apply(this, args);
    copied += bytes;
    return bytes;
  });
  const joined = new JoinedBytes();
  const piece = Buffer.alloc(1_000);
  for (let i = 0; i < 1_000; i++) joined.keep(joined.add(piece), 0);
  expect(copied).toBeLessThan(4 * 1_000 * piece.length);
});
