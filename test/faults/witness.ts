import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { openDatabase } from '../../infra/demo/database.ts';
import { createRandom } from '../../infra/demo/random.ts';
import { queryPostgres } from '../support/servers.ts';
import { retryOutages } from './outage.ts';

const KEYS = 300;
const TABLES = `
CREATE SCHEMA faults;
CREATE TABLE faults.ledger (tx bigint NOT NULL, n integer NOT NULL, filler text);
CREATE TABLE faults.versions (id integer PRIMARY KEY, version bigint NOT NULL, kept text);
CREATE TABLE faults.probes (id integer PRIMARY KEY, n bigint NOT NULL);
`;
const ROWS = `
INSERT INTO faults.versions SELECT i, 0, 'key ' || i FROM generate_series(1, ${KEYS}) i;
INSERT INTO faults.probes SELECT i, 0 FROM generate_series(1, 64) i;
`;
/** Fires for a replica too, and sees every version that the target is ever given, in the order of the commits. */
const RECORDER = `
CREATE SCHEMA seen;
CREATE TABLE seen.versions (at bigserial PRIMARY KEY, id integer NOT NULL, version bigint NOT NULL);
CREATE FUNCTION seen.record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO seen.versions (id, version) VALUES (NEW.id, NEW.version); RETURN NULL; END $$;
CREATE TRIGGER record AFTER INSERT OR UPDATE ON faults.versions FOR EACH ROW EXECUTE FUNCTION seen.record();
ALTER TABLE faults.versions ENABLE ALWAYS TRIGGER record;
`;

export const WITNESS_TABLES = ['faults.ledger', 'faults.versions', 'faults.probes'];

export async function createWitness(sourceUrl: string, targetUrl: string): Promise<void> {
  await queryPostgres(sourceUrl, TABLES + ROWS);
  await queryPostgres(targetUrl, TABLES + RECORDER);
}

/** Rows that no key protects from coming twice, and counters that must never be seen to go back. */
export class Witness {
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(url: string, seed: number) {
    this.#done = retryOutages(this.#stop.signal, () => this.#write(url, seed));
    // Told to whoever stops it; until then an early failure must not end the process.
    this.#done.catch(() => this.#stop.abort());
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #write(url: string, seed: number): Promise<void> {
    const random = createRandom(seed);
    const client = await openDatabase(url);
    try {
      while (!this.#stop.signal.aborted) {
        await this.#transaction(client, random);
        await sleep(15);
      }
    } finally {
      await client.end();
    }
  }

  async #transaction(client: pg.Client, random: (below: number) => number): Promise<void> {
    const rows = random(200) === 0 ? 4_000 : 1 + random(4);
    const ids = Array.from({ length: 4 }, () => 1 + random(KEYS)).sort((a, b) => a - b);
    await client.query('BEGIN');
    await client.query(
      `INSERT INTO faults.ledger SELECT txid_current(), i, md5(i::text) FROM generate_series(1, $1::int) i`,
      [rows],
    );
    await client.query(
      'UPDATE faults.versions SET version = version + 1 WHERE id = ANY($1::int[])',
      [ids],
    );
    await client.query(random(25) === 0 ? 'ROLLBACK' : 'COMMIT');
  }
}

/** Forgets what was seen so far: while a copy is resumed, versions may go back before they go on. */
export async function forgetSeenVersions(targetUrl: string): Promise<void> {
  await queryPostgres(targetUrl, 'TRUNCATE seen.versions');
}

/** Keys of which the target was given a version that was not newer than the one before. */
export async function versionsThatWentBack(targetUrl: string): Promise<string[]> {
  const rows = await queryPostgres(
    targetUrl,
    `SELECT id, before, version FROM (
       SELECT id, version, lag(version) OVER (PARTITION BY id ORDER BY at) AS before FROM seen.versions) v
     WHERE version <= before ORDER BY id LIMIT 10`,
  );
  return rows.map(
    (row) => `key ${String(row['id'])}: ${String(row['before'])} then ${String(row['version'])}`,
  );
}
