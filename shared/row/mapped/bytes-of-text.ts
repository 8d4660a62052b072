import { refuse } from '../canonical/refusal.ts';

const ESCAPED = /\\\\|\\[0-3][0-7]{2}|\\/g;

/** The bytes that PostgreSQL takes text for: two hexadecimal digits each behind `\x`, else characters, with `\` for odd ones. */
export function bytesOfText(text: string): string {
  if (text.startsWith('\\x')) return text.replaceAll(/[ \n\t\r]/g, '');
  const bytes = Buffer.from(text).toString('latin1');
  const plain = bytes.replaceAll(ESCAPED, (found) => {
    if (found === '\\') refuse('it has a \\ that begins nothing');
    return found === '\\\\' ? '\\' : String.fromCharCode(Number.parseInt(found.slice(1), 8));
  });
  return `\\x${Buffer.from(plain, 'latin1').toString('hex')}`;
}
