import { fractionText } from '../../../shared/row/canonical/calendar.ts';
import { floatText } from '../../../shared/row/canonical/shortest-float.ts';
import type { Column, Relation } from '../../../shared/change/relation.ts';
import { NULL_LENGTH } from '../../../shared/change/tuple.ts';
import { RandomNumber } from './random-number.ts';
import type { RandomSettings } from './settings.ts';

const COLUMNS: readonly [string, string][] = [
  ['id', 'bigint'],
  ['name', 'text'],
  ['amount', 'numeric(14,2)'],
  ['ratio', 'double precision'],
  ['active', 'boolean'],
  ['made_at', 'timestamp with time zone'],
  ['note', 'text'],
  ['payload', 'text'],
];
/** What a row has at least, payload left out. */
const FIXED_BYTES = 128;
const POOL_BYTES = 1 << 16;
const WORDS = ['amber', 'birke', 'córdoba', 'delta', 'écru', '桜', 'hazel', "o'hare", '"q"'];
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789 ';
/** 2020-01-01 in ms. */
const FIRST_DAY_MS = 1_577_836_800_000;
const TEN_YEARS_S = 315_360_000;

export function relationOf(namespace: number): Relation {
  const columns: Column[] = COLUMNS.map(([name, type]) => ({ name, type, encoding: 'text' }));
  return {
    namespace: `random.table_${namespace + 1}`,
    columns,
    key: [0],
    identity: 'key',
    order: 'key',
  };
}

/** Writes rows as tuples (`tuple.ts`). What is in a row follows from the seed, its key and its version. */
export class RowGenerator {
  readonly #seed: number;
  readonly #payloadBytes: number;
  readonly #pool: string;
  #target = Buffer.allocUnsafe(64 * 1024);
  #at = 0;

  constructor({ seed, size }: Pick<RandomSettings, 'seed' | 'size'>) {
    this.#seed = seed;
    this.#payloadBytes = Math.max(1, size - FIXED_BYTES);
    const random = new RandomNumber(seed);
    const bytes = Math.max(POOL_BYTES, 3 * this.#payloadBytes);
    let pool = '';
    for (let i = 0; i < POOL_BYTES; i++) pool += ALPHABET[random.below(ALPHABET.length)]!;
    this.#pool = pool.repeat(Math.ceil(bytes / POOL_BYTES));
  }

  /**
   * The row of `key` as change number `version` of its namespace made it; 0 is how it was before all changes. A view
   * that is valid until the next call.
   */
  row(namespace: number, key: number, version: number): Buffer {
    const random = new RandomNumber(this.#seed, namespace, key, version);
    this.#at = 2;
    this.#reserve(4 * this.#payloadBytes + 4 * FIXED_BYTES);
    this.#target.writeUInt16BE(COLUMNS.length, 0);
    this.#text(String(key));
    this.#text(`${WORDS[random.below(WORDS.length)]!} ${WORDS[random.below(WORDS.length)]!}`);
    const cents = random.below(2 ** 31);
    const sign = random.below(4) === 0 && cents > 0 ? '-' : '';
    this.#text(`${sign}${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`);
    this.#text(floatText(random.below(1_000_000) / 65_536, 64));
    this.#text(random.below(2) === 0 ? 'f' : 't');
    this.#text(this.#instant(random));
    if (random.below(3) === 0) this.#null();
    else this.#text(random.below(4) === 0 ? '' : `change ${version}`);
    const length = Math.ceil(this.#payloadBytes / 2) + random.below(this.#payloadBytes);
    const from = random.below(this.#pool.length - length + 1);
    this.#text(this.#pool.slice(from, from + length));
    return this.#target.subarray(0, this.#at);
  }

  /** The key alone, as the row of `row()` has it. New bytes. */
  key(key: number): Buffer {
    const text = String(key);
    const bytes = Buffer.allocUnsafe(4 + text.length);
    bytes.writeInt32BE(text.length, 0);
    bytes.write(text, 4, 'latin1');
    return bytes;
  }

  #instant(random: RandomNumber): string {
    const date = new Date(FIRST_DAY_MS + random.below(TEN_YEARS_S) * 1_000);
    const micros = fractionText(String(random.below(1_000_000)).padStart(6, '0'), 6);
    return `${date.toISOString().slice(0, 19).replace('T', ' ')}${micros}+00`;
  }

  #text(value: string): void {
    const length = this.#target.write(value, this.#at + 4, 'utf8');
    this.#target.writeInt32BE(length, this.#at);
    this.#at += 4 + length;
  }

  #null(): void {
    this.#target.writeInt32BE(NULL_LENGTH, this.#at);
    this.#at += 4;
  }

  #reserve(bytes: number): void {
    if (this.#target.length < bytes) this.#target = Buffer.allocUnsafe(bytes);
  }
}
