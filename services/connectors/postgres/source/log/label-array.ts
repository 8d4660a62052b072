/**
 * Arrays of which the elements' binary form is their text, such as those of labels: their binary form (`array_send`)
 * names the element's type by an OID that means nothing at another server, so it becomes the text that `array_out`
 * prints. Returns where it ends; at most `MOST_TIMES` as long as what it was.
 */
export function writeLabelArray(target: Buffer, at: number, source: Buffer, start: number): number {
  const dimensions = source.readInt32BE(start);
  if (dimensions === 0) return at + target.write('{}', at, 'latin1');
  const lengths: number[] = [];
  let bounds = '';
  let isPlain = true;
  for (let i = 0; i < dimensions; i++) {
    const length = source.readInt32BE(start + HEAD_BYTES + 8 * i);
    const low = source.readInt32BE(start + HEAD_BYTES + 8 * i + 4);
    lengths.push(length);
    bounds += `[${low}:${low + length - 1}]`;
    if (low !== 1) isPlain = false;
  }
  if (!isPlain) at += target.write(`${bounds}=`, at, 'latin1');
  let from = start + HEAD_BYTES + 8 * dimensions;
  const writeList = (depth: number): void => {
    target[at++] = OPEN;
    for (let i = 0; i < lengths[depth]!; i++) {
      if (i > 0) target[at++] = COMMA;
      if (depth < dimensions - 1) writeList(depth + 1);
      else {
        const length = source.readInt32BE(from);
        from += 4;
        if (length < 0) at += target.write('NULL', at, 'latin1');
        else at = writeElement(target, at, source.subarray(from, from + length));
        from += Math.max(0, length);
      }
    }
    target[at++] = CLOSE;
  };
  writeList(0);
  return at;
}

export const MOST_TIMES = 3;

/** Dimensions, flags, the element's type. */
const HEAD_BYTES = 12;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NEEDS_QUOTES = /^$|^null$|["\\{}, \t\n\r\v\f]/i;

function writeElement(target: Buffer, at: number, element: Buffer): number {
  if (!NEEDS_QUOTES.test(element.toString('latin1'))) return at + element.copy(target, at);
  target[at++] = QUOTE;
  for (const byte of element) {
    if (byte === QUOTE || byte === BACKSLASH) target[at++] = BACKSLASH;
    target[at++] = byte;
  }
  target[at++] = QUOTE;
  return at;
}
