import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { WeirError } from '../../../shared/errors/weir-error.ts';

/** scrypt's cost: about 16 MiB and some 30 ms for each try (RFC 7914). */
const COST = { N: 16_384, r: 8, p: 1 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const MIN_LENGTH = 16;
/** Tries at hashed tokens that may wait at once: whoever floods with wrong ones only hinders others who do so. */
const MAX_WAITING = 8;

interface Entry {
  name: string;
  check(shown: string): boolean | Promise<boolean>;
}

/**
 * Bearer tokens, one a line (or between commas): `name:token`, or `name:scrypt:SALT:HASH` in base64url, as
 * `weir control token NAME` makes them. Empty lines and those that begin with # are left out.
 */
export class Tokens {
  readonly #entries: readonly Entry[];
  /** Digests of hashed tokens that were right, with their names: scrypt is for the first time only. */
  readonly #proven = new Map<string, string>();
  #queue: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  private constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  static parse(text: string): Tokens {
    const lines = text.split(/[\n,]/).map((line) => line.trim());
    return new Tokens(lines.filter((line) => line !== '' && !line.startsWith('#')).map(parseEntry));
  }

  get size(): number {
    return this.#entries.length;
  }

  /** The name of the token that was shown; null where it is none. */
  async nameOf(shown: string): Promise<string | null> {
    const digest = createHash('sha256').update(shown).digest('base64');
    const proven = this.#proven.get(digest);
    if (proven !== undefined) return proven;
    if (this.#waiting >= MAX_WAITING)
      throw new WeirError('ACCESS_DENIED', 'too many tokens are being tried; try again later');
    this.#waiting++;
    const turn = this.#queue.then(() => this.#try(shown));
    this.#queue = turn.catch(() => undefined);
    try {
      const name = await turn;
      if (name !== null) this.#proven.set(digest, name);
      return name;
    } finally {
      this.#waiting--;
    }
  }

  /** All of them are tried, whatever the first ones say: how long it takes tells nothing. */
  async #try(shown: string): Promise<string | null> {
    let name: string | null = null;
    for (const entry of this.#entries) if (await entry.check(shown)) name = entry.name;
    return name;
  }
}

/** A new token for `name`, and the line that lets control know it. */
export async function createToken(name: string): Promise<{ token: string; line: string }> {
  if (!/^[\w.-]{1,64}$/.test(name)) throw invalid(`"${name}" cannot be the name of a token`);
  const token = randomBytes(24).toString('base64url');
  const salt = randomBytes(SALT_BYTES);
  const hash = await hashOf(token, salt);
  return {
    token,
    line: `${name}:scrypt:${salt.toString('base64url')}:${hash.toString('base64url')}`,
  };
}

function parseEntry(line: string): Entry {
  const [, name, rest] = /^([\w.-]{1,64}):(.+)$/.exec(line) ?? [];
  // Without the line itself: it may hold a token.
  if (name === undefined || rest === undefined)
    throw invalid('a line of the tokens of control cannot be read');
  if (!rest.startsWith('scrypt:')) return plainEntry(name, rest);
  const [salt, hash] = rest
    .split(':')
    .slice(1)
    .map((part) => Buffer.from(part, 'base64url'));
  if (salt?.length !== SALT_BYTES || hash?.length !== HASH_BYTES)
    throw invalid(`the hashed token of ${name} cannot be read`);
  return { name, check: async (shown) => timingSafeEqual(await hashOf(shown, salt), hash) };
}

function plainEntry(name: string, token: string): Entry {
  if (token.length < MIN_LENGTH)
    throw invalid(`the token of ${name} is shorter than ${MIN_LENGTH} characters`);
  const wanted = createHash('sha256').update(token).digest();
  return {
    name,
    check: (shown) => timingSafeEqual(createHash('sha256').update(shown).digest(), wanted),
  };
}

function hashOf(token: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    scrypt(token, salt, HASH_BYTES, COST, (error, hash) =>
      error === null ? resolve(hash) : reject(error),
    ),
  );
}

function invalid(what: string): WeirError {
  return new WeirError(
    'CONFIG_INVALID',
    `${what}; write NAME:TOKEN, or what \`weir control token NAME\` prints`,
  );
}
