import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { ParkedRecord } from '../state/records.ts';
import type { NewParked } from '../state/state-step.ts';
import type { ParkedHead } from '../state/quarantine/parked-index.ts';
import type { StoredBody, StoredHead } from './parked-file.ts';
import { syncFolder, writeDurably } from './versioned-file.ts';

type Bytes = 'key' | 'tuple';
type Body = Pick<ParkedRecord, 'relation' | 'source' | 'kind' | 'position' | 'elsewhere'> &
  Record<Bytes, string | null>;

/** What entries are beside their heads: a file for each. */
export class ParkedBodies {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Returns the heads that name them. */
  async write(entries: readonly NewParked[]): Promise<Omit<StoredHead, 'id'>[]> {
    await mkdir(this.#folder, { recursive: true });
    const parkedAt = new Date().toISOString();
    const heads: Omit<StoredHead, 'id'>[] = [];
    for (const { relation, source, kind, position, elsewhere, key, tuple, ...rest } of entries) {
      const body: Body = {
        ...{ relation, source, kind, position, elsewhere },
        key: toBase64(key),
        tuple: toBase64(tuple),
      };
      const name = randomUUID();
      await writeDurably(path.join(this.#folder, name), JSON.stringify(body));
      heads.push({
        ...rest,
        chain: rest.chain?.toString('hex') ?? null,
        also: rest.also?.toString('hex') ?? null,
        failed: source !== null,
        bytes: tuple?.length ?? 0,
        parkedAt,
        body: name,
      });
    }
    await syncFolder(this.#folder);
    return heads;
  }

  async read({ stored, chain, also }: ParkedHead & StoredBody): Promise<ParkedRecord> {
    const { id, namespace, shape, copied, inserts, updates, deletes, reason, parkedAt } = stored;
    const text = await readFile(path.join(this.#folder, stored.body), 'utf8');
    const body = JSON.parse(text) as Body;
    return {
      ...{ id, namespace, shape, chain, also, copied, inserts, updates, deletes, reason, parkedAt },
      ...body,
      key: fromBase64(body.key),
      tuple: fromBase64(body.tuple),
    };
  }

  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) await rm(path.join(this.#folder, name), { force: true });
  }
}

function toBase64(bytes: Buffer | null): string | null {
  return bytes?.toString('base64') ?? null;
}

function fromBase64(text: string | null): Buffer | null {
  return text === null ? null : Buffer.from(text, 'base64');
}
