import type pg from 'pg';

/** What a step needs: the connection, inside a transaction, and a seeded random number. */
export interface StepContext {
  client: pg.Client;
  random: (below: number) => number;
  /** Greatest keys when the workload began. */
  bounds: ShopBounds;
  /** Unique among all steps of this workload. */
  next: () => number;
}

export interface ShopBounds {
  customers: number;
  orders: number;
  events: number;
  contracts: number;
  measurements: number;
  seats: number;
  settings: number;
}

export interface Step {
  name: string;
  /** How often it comes, among all. */
  weight: number;
  /** Changes the shop; returns how many rows it changed. */
  run(context: StepContext): Promise<number>;
}

/** By place in the order of the names: they are of every sort, so a random one would mostly miss. */
const SETTING = `(SELECT name FROM shop.settings ORDER BY name OFFSET $1::int LIMIT 1)`;

/** Each is a kind of change that once broke some pipeline. */
export const STEPS: readonly Step[] = [
  {
    name: 'place an order',
    weight: 20,
    async run({ client, random, bounds, next }) {
      const id = 1_000_000_000 + next();
      const lines = 1 + random(5);
      await client.query(
        `INSERT INTO shop.orders (id, customer_id, status, total, placed_at)
         VALUES ($1, $2, 'new', $3, clock_timestamp())`,
        [id, 1 + random(bounds.customers), random(100_000) / 7],
      );
      return (
        1 +
        (await changed(
          client,
          `INSERT INTO shop.order_items
           SELECT $1, n, (SELECT id FROM shop.products WHERE id >= md5($2::text || n)::uuid ORDER BY id LIMIT 1), n, n * 1.99, 0.1
           FROM generate_series(1, $3::int) n
           WHERE EXISTS (SELECT FROM shop.products WHERE id >= md5($2::text || n)::uuid)`,
          [id, id, lines],
        ))
      );
    },
  },
  {
    name: 'move orders on',
    weight: 25,
    run: ({ client, random, bounds }) =>
      changed(
        client,
        `UPDATE shop.orders SET status = CASE status WHEN 'new' THEN 'paid' ELSE 'sent' END, shipped_on = current_date
         WHERE id = ANY($1::bigint[])`,
        [keys(random, bounds.orders, 10)],
      ),
  },
  {
    name: 'record events',
    weight: 20,
    run: ({ client, random, next }) =>
      changed(
        client,
        `INSERT INTO shop.events (kind, payload, labels, amount, at, raw, took)
         SELECT E'live\\t🐟 ' || n, jsonb_build_object('n', n, 'text', E'"\\\\'), ARRAY['a', NULL, E'\\n'], n / 3.0,
           clock_timestamp(), decode(md5($1::text || n), 'hex'), n * interval '1 s'
         FROM generate_series(1, $2::int) n`,
        [String(next()), 1 + random(20)],
      ),
  },
  {
    name: 'write reviews and count visits',
    weight: 8,
    async run({ client, random, next }) {
      const rows = 1 + random(3);
      const reviews = await changed(
        client,
        `INSERT INTO shop.reviews (product_id, stars, body)
         SELECT id, 1 + $1::int % 5, 'read ' || $1 || E' pages\t🐟' FROM shop.products ORDER BY id LIMIT $2::int`,
        [next(), rows],
      );
      const visits = await changed(
        client,
        `INSERT INTO shop.visits (page) SELECT '/live/' || n FROM generate_series(1, $1::int) n`,
        [rows],
      );
      return reviews + visits;
    },
  },
  {
    name: 'correct events',
    weight: 10,
    run: ({ client, random, bounds }) =>
      changed(
        client,
        `UPDATE shop.events SET amount = -amount, labels = labels || 'corrected'::text, payload = NULL WHERE id = ANY($1::bigint[])`,
        [keys(random, bounds.events, 8)],
      ),
  },
  {
    name: 'delete events',
    weight: 8,
    run: ({ client, random, bounds }) =>
      changed(client, 'DELETE FROM shop.events WHERE id = ANY($1::bigint[])', [
        keys(random, bounds.events, 6),
      ]),
  },
  {
    name: 'cancel an order',
    weight: 5,
    async run({ client, random, bounds }) {
      const ids = keys(random, bounds.orders, 2);
      const items = await changed(
        client,
        'DELETE FROM shop.order_items WHERE order_id = ANY($1::bigint[])',
        [ids],
      );
      return (
        items +
        (await changed(client, 'DELETE FROM shop.orders WHERE id = ANY($1::bigint[])', [ids]))
      );
    },
  },
  {
    name: 'renumber the lines of an order (change of a composite key)',
    weight: 4,
    run: ({ client, random, bounds }) =>
      changed(
        client,
        'UPDATE shop.order_items SET line_no = line_no + 100 WHERE order_id = ANY($1::bigint[]) AND line_no < 100',
        [keys(random, bounds.orders, 2)],
      ),
  },
  {
    name: 'change prices (large description unchanged)',
    weight: 6,
    run: ({ client, random }) =>
      changed(
        client,
        `UPDATE shop.products SET price = price + 0.01
         WHERE id IN (SELECT id FROM shop.products WHERE id >= md5($1)::uuid AND pg_column_size(description) > 2000 ORDER BY id LIMIT 3)`,
        [String(random(1e9))],
      ),
  },
  {
    name: 'rewrite a large description',
    weight: 1,
    run: ({ client, random }) =>
      changed(
        client,
        `UPDATE shop.products SET description = (SELECT string_agg(md5($1 || j::text), '') FROM generate_series(1, 320) j)
         WHERE id = (SELECT id FROM shop.products WHERE id >= md5($1)::uuid ORDER BY id LIMIT 1)`,
        [String(random(1e9))],
      ),
  },
  {
    name: 'rename a setting (change of a text key, large value unchanged)',
    weight: 1,
    run: ({ client, random, bounds, next }) =>
      changed(
        client,
        `UPDATE shop.settings SET name = 'renamed ' || $2::text || ' ' || left(name, 20), changed = changed + 1
         WHERE name = ${SETTING}`,
        [random(bounds.settings), String(next())],
      ),
  },
  {
    name: 'delete a setting and insert it again (same key, one transaction)',
    weight: 2,
    async run({ client, random, bounds }) {
      const row = await client.query<{ name: string }>(
        `DELETE FROM shop.settings WHERE name = ${SETTING} RETURNING name`,
        [random(bounds.settings)],
      );
      const name = row.rows[0]?.name;
      if (name === undefined) return 0;
      await client.query('INSERT INTO shop.settings VALUES ($1, $2, 1)', [name, `again ${name}`]);
      return 2;
    },
  },
  {
    name: 'swap two seats (unique values move between rows)',
    weight: 4,
    async run({ client, random, bounds }) {
      const a = 1 + random(bounds.seats);
      const b = 1 + (a % bounds.seats);
      const { rows } = await client.query<{ id: number; code: string }>(
        'SELECT id, code FROM shop.seats WHERE id IN ($1, $2) ORDER BY id = $1 DESC FOR UPDATE',
        [a, b],
      );
      const [first, second] = rows;
      if (first === undefined || second === undefined) return 0;
      const set = 'UPDATE shop.seats SET code = $2 WHERE id = $1';
      await client.query(set, [first.id, `free ${first.id}`]);
      await client.query(set, [second.id, first.code]);
      await client.query(set, [first.id, second.code]);
      return 3;
    },
  },
  {
    name: 'change contracts (enum, domain, generated column)',
    weight: 4,
    run: ({ client, random, bounds }) =>
      changed(
        client,
        `UPDATE shop.contracts SET state = 'it''s over', amount = amount + 0.0001 WHERE id = ANY($1::int[])`,
        [keys(random, bounds.contracts, 3)],
      ),
  },
  {
    name: 'measure (rows move between partitions)',
    weight: 6,
    async run({ client, random, bounds, next }) {
      await client.query(`INSERT INTO shop.measurements VALUES ($1, current_date, 'live', $2)`, [
        1_000_000_000 + next(),
        random(1e6) / 3,
      ]);
      const moved = await changed(
        client,
        `UPDATE shop.measurements SET day = day + 200 WHERE id = ANY($1::bigint[]) AND day < '2026-01-01'`,
        [keys(random, bounds.measurements, 2)],
      );
      const gone = await changed(client, 'DELETE FROM shop.measurements WHERE id = $1', [
        1 + random(bounds.measurements),
      ]);
      return 1 + moved + gone;
    },
  },
  {
    name: 'customers come, change and change again',
    weight: 8,
    async run({ client, random, bounds, next }) {
      const id = 1_000_000_000 + next();
      await client.query(
        `INSERT INTO shop.customers (id, name, email, tags, created_at) VALUES ($1, 'new', $2, NULL, clock_timestamp())`,
        [id, `live${id}@example.org`],
      );
      await client.query(
        `UPDATE shop.customers SET notes = E'line\\r\\n\\\\N', vip = true WHERE id = $1`,
        [id],
      );
      const old = 1 + random(bounds.customers);
      const changes = await changed(
        client,
        `UPDATE shop.customers SET email = CASE WHEN email IS NULL THEN 'c' || id || '@example.org' END WHERE id = $1`,
        [old],
      );
      if (random(3) === 0) await client.query('DELETE FROM shop.customers WHERE id = $1', [id]);
      return 2 + changes;
    },
  },
];

async function changed(client: pg.Client, sql: string, values: unknown[]): Promise<number> {
  return (await client.query(sql, values)).rowCount ?? 0;
}

function keys(random: (below: number) => number, most: number, count: number): number[] {
  return Array.from({ length: count }, () => 1 + random(most));
}
