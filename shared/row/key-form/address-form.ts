import { unreadable, type WriteForm } from './write-form.ts';

/**
 * PostgreSQL's binary form of network addresses (`network_send`): family, bits of the network, whether the type is
 * `cidr`, length, address. Two are equal exactly if these bytes are.
 */
export const inetOfText: WriteForm = (target, at, source, start, end) =>
  writeAddress(target, at, source.toString('latin1', start, end), 0);

export const cidrOfText: WriteForm = (target, at, source, start, end) =>
  writeAddress(target, at, source.toString('latin1', start, end), 1);

const FAMILY_4 = 2;
const FAMILY_6 = 3;

function writeAddress(target: Buffer, at: number, text: string, isCidr: number): number {
  const [address = '', network] = text.split('/');
  const bytes = address.includes(':') ? bytesOf6(address) : bytesOf4(address);
  const bits = network === undefined ? bytes.length * 8 : Number(network);
  if (!(bits >= 0 && bits <= bytes.length * 8)) throw unreadable();
  const family = bytes.length === 4 ? FAMILY_4 : FAMILY_6;
  target.set([family, bits, isCidr, bytes.length, ...bytes], at);
  return at + 4 + bytes.length;
}

function bytesOf4(text: string): number[] {
  const bytes = text.split('.').map(Number);
  if (bytes.length !== 4 || !bytes.every((byte) => byte >= 0 && byte <= 255)) throw unreadable();
  return bytes;
}

/** Groups of hexadecimal digits, the last two perhaps as an address of four bytes; `::` for as many zeros as are missing. */
function bytesOf6(text: string): number[] {
  const [head = [], tail, more] = text.split('::').map(groupsOf);
  if (more !== undefined) throw unreadable();
  const missing = 16 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 0) throw unreadable();
  return [...head, ...Array<number>(missing).fill(0), ...(tail ?? [])];
}

function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return bytesOf4(group);
    const value = /^[0-9a-f]{1,4}$/.test(group) ? parseInt(group, 16) : NaN;
    if (Number.isNaN(value)) throw unreadable();
    return [value >> 8, value & 0xff];
  });
}
