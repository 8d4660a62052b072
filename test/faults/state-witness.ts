import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { openDatabase } from '../../infra/demo/database.ts';
import { createRandom } from '../../infra/demo/random.ts';
import { queryPostgres } from '../support/servers.ts';
import { retryOutages } from './outage.ts';

const ACCOUNTS = 150;
const SEATS = 100;

const TABLES = `
CREATE SCHEMA whole;
CREATE TABLE whole.account (id int PRIMARY KEY, email text NOT NULL UNIQUE, balance int NOT NULL);
CREATE TABLE whole.orders (id int PRIMARY KEY, account int NOT NULL REFERENCES whole.account ON DELETE CASCADE ON UPDATE CASCADE, n int);
CREATE TABLE whole.note (id int PRIMARY KEY, account int REFERENCES whole.account ON DELETE SET NULL ON UPDATE CASCADE, kept text);
ALTER TABLE whole.note ALTER kept SET STORAGE EXTERNAL;
CREATE TABLE whole.node (id int PRIMARY KEY, parent int REFERENCES whole.node);
CREATE TABLE whole.seat (id int PRIMARY KEY, place int NOT NULL UNIQUE DEFERRABLE);
CREATE TABLE whole.scratch (id int PRIMARY KEY, n int);
CREATE TABLE whole.state (n int PRIMARY KEY, digest text NOT NULL);
`;
const DIGEST = `md5(concat_ws('|', ${['account', 'orders', 'note', 'node', 'seat', 'scratch']
  .map((table) => `(SELECT md5(string_agg(t::text, ',' ORDER BY t.id)) FROM whole.${table} t)`)
  .join(', ')}))`;
const ROWS = `
INSERT INTO whole.account SELECT i, 'mail ' || i, 1000 FROM generate_series(1, ${ACCOUNTS}) i;
INSERT INTO whole.orders SELECT i, 1 + i % ${ACCOUNTS}, 0 FROM generate_series(1, 400) i;
INSERT INTO whole.note SELECT i, 1 + i % ${ACCOUNTS}, repeat(md5(i::text), 100) FROM generate_series(1, 200) i;
INSERT INTO whole.node SELECT i, NULLIF(i - 1, 0) FROM generate_series(1, 20) i;
INSERT INTO whole.seat SELECT i, i FROM generate_series(1, ${SEATS}) i;
INSERT INTO whole.state SELECT 0, ${DIGEST};
`;

/** What $1, a new number, is for. Each is one statement or several of one transaction. */
const STEPS: string[][] = [
  // Money that is moved is never seen twice, nor missing.
  [
    'UPDATE whole.account SET balance = balance - $1 % 50 WHERE id = (SELECT id FROM whole.account ORDER BY id OFFSET $1 % 140 LIMIT 1)',
    'UPDATE whole.account SET balance = balance + $1 % 50 WHERE id = (SELECT id FROM whole.account ORDER BY id DESC OFFSET $1 % 100 LIMIT 1)',
  ],
  // Unique values that are handed on and swapped, by a third value and at the end of a statement.
  [
    `UPDATE whole.account SET email = 'kept ' || email WHERE id = (SELECT min(id) FROM whole.account) AND $1 > 0`,
    `UPDATE whole.account SET email = (SELECT substr(email, 6) FROM whole.account WHERE email LIKE 'kept %') WHERE id = (SELECT max(id) FROM whole.account) AND $1 > 0`,
    `UPDATE whole.account SET email = 'mail x' || $1 WHERE email LIKE 'kept %'`,
  ],
  [`UPDATE whole.seat SET place = place % ${SEATS} + 1 WHERE $1 > 0`],
  [
    `UPDATE whole.seat SET place = ${SEATS} + 1 - place WHERE id IN (3, 4) AND place = place + 0 * $1 AND false`,
    'UPDATE whole.seat SET place = (SELECT sum(place) FROM whole.seat WHERE id IN (1, 2)) - place WHERE id IN (1, 2) AND $1 > 0',
  ],
  // A row that others refer to goes, and another takes its unique value, or the row comes back.
  [
    'CREATE TEMP TABLE gone ON COMMIT DROP AS SELECT * FROM whole.account ORDER BY id OFFSET $1 % 100 LIMIT 1',
    'DELETE FROM whole.account WHERE id = (SELECT id FROM gone) AND $1 > 0',
    'INSERT INTO whole.account SELECT $1, email, balance FROM gone',
  ],
  [
    'CREATE TEMP TABLE gone ON COMMIT DROP AS SELECT * FROM whole.account ORDER BY id OFFSET $1 % 100 LIMIT 1',
    'DELETE FROM whole.account WHERE id = (SELECT id FROM gone) AND $1 > 0',
    'INSERT INTO whole.account SELECT * FROM gone WHERE $1 > 0',
    'INSERT INTO whole.orders SELECT $1, id, 7 FROM gone',
  ],
  // A row that others refer to gets another key.
  [
    'UPDATE whole.account SET id = $1 WHERE id = (SELECT id FROM whole.account ORDER BY id OFFSET $1 % 100 LIMIT 1)',
  ],
  // Rows of one statement that point forward, and a child that is written before its parent.
  [
    'INSERT INTO whole.node SELECT $1 + i, CASE WHEN i < 90 THEN $1 + i + 1 END FROM generate_series(1, 90) i',
  ],
  ['DELETE FROM whole.node WHERE id > 20 AND $1 > 0'],
  [
    `WITH parent AS (INSERT INTO whole.account VALUES ($1, 'mail y' || $1::int, 5)) INSERT INTO whole.orders VALUES ($1, $1, 1)`,
  ],
  // A table is emptied in the middle.
  [
    'UPDATE whole.orders SET n = n + 1 WHERE id % 7 = $1 % 7',
    'TRUNCATE whole.scratch',
    'INSERT INTO whole.scratch SELECT i, $1 FROM generate_series(1, 1 + $1 % 100) i',
  ],
  // Many rows at once, some values of theirs unchanged.
  [
    'UPDATE whole.note SET account = (SELECT min(id) FROM whole.account) WHERE id % 2 = $1 % 2',
    `INSERT INTO whole.note SELECT $1 + i, NULL, repeat('x', 5000) FROM generate_series(1, 80) i`,
    'DELETE FROM whole.note WHERE id > 200 AND id < $1 - 50000',
    'UPDATE whole.note SET id = -id WHERE id % 11 = $1 % 11 AND abs(id) <= 200',
  ],
];
/** Numbers of steps are so far apart, so that a step may number its rows. */
const STRIDE = 1_000;

export async function createStates(sourceUrl: string): Promise<void> {
  await queryPostgres(sourceUrl, TABLES + ROWS);
}

/**
 * Transactions one after the other, each of which leaves a mark of the state it leads to, so that any state of a copy
 * can be judged: it is one of the source's if it is the one that its last mark says.
 */
export class StateWriter {
  transactions = 0;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(url: string, seed: number) {
    const random = createRandom(seed);
    this.#done = retryOutages(this.#stop.signal, () => this.#write(url, random));
    this.#done.catch(() => this.#stop.abort());
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #write(url: string, random: (below: number) => number): Promise<void> {
    const client = await openDatabase(url);
    try {
      while (!this.#stop.signal.aborted) {
        await this.#transaction(client, random);
        // Not more than a target can take that is away half of the time.
        await sleep(25);
      }
    } finally {
      await client.end();
    }
  }

  async #transaction(client: pg.Client, random: (below: number) => number): Promise<void> {
    await client.query('BEGIN');
    const { rows } = await client.query<{ n: number }>('SELECT max(n) + 1 AS n FROM whole.state');
    const n = rows[0]!.n;
    const first = random(STEPS.length);
    const steps = [STEPS[first]!, STEPS[random(STEPS.length)]!].slice(0, 1 + random(2));
    for (const [i, step] of steps.entries()) {
      for (const sql of step)
        await client.query(sql, sql.includes('$1') ? [(n + 1) * STRIDE * 2 + i * STRIDE] : []);
      await client.query('DROP TABLE IF EXISTS gone');
    }
    await client.query(`INSERT INTO whole.state SELECT $1, ${DIGEST}`, [n]);
    await client.query(random(20) === 0 ? 'ROLLBACK' : 'COMMIT');
    this.transactions++;
  }
}

/** Looks at a copy again and again, and notes each state that its source never had. */
export class StateReader {
  readonly wrong: string[] = [];
  readonly seen = new Set<number>();
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(url: string) {
    this.#done = retryOutages(this.#stop.signal, () => this.#read(url));
    this.#done.catch(() => this.#stop.abort());
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #read(url: string): Promise<void> {
    const client = await openDatabase(url);
    try {
      while (!this.#stop.signal.aborted) {
        // One statement, one snapshot.
        const { rows } = await client.query<{ n: number; marked: string; digest: string }>(
          `SELECT n, digest AS marked, ${DIGEST} AS digest FROM whole.state ORDER BY n DESC LIMIT 1`,
        );
        const { n, marked, digest } = rows[0]!;
        this.seen.add(n);
        if (marked !== digest) this.wrong.push(`after ${n}: ${digest}, not ${marked}`);
        await sleep(30);
      }
    } finally {
      await client.end();
    }
  }
}

export const STATE_TABLES = ['account', 'orders', 'note', 'node', 'seat', 'scratch', 'state'].map(
  (table) => `whole.${table}`,
);
