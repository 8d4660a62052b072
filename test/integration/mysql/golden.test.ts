import { describe, expect, it } from 'vitest';
import { eventsOf, readGolden, rowsOf } from '../../support/mysql-golden.ts';

describe.each(['mariadb-10.11', 'mysql-9.7'])('the file of a log of %s', (name) => {
  const { log, golden } = readGolden(name);

  it('has the rows that its server printed', () => {
    expect(golden.rows.length).toBe(8);
    expect(rowsOf(log, golden)).toEqual(golden.rows);
  });

  it('is refused with any one bit of it turned over', () => {
    let at = 4;
    for (let event = 0; at < log.length; event++) {
      const size = log.readUInt32LE(at + 9);
      const changed = Buffer.from(log);
      // Another place in each event; its length is what the events are taken apart by here.
      const place = at + [4, 13, 20, size - 1, size - 5][event % 5]!;
      changed[place]! ^= 1 << (event % 8);
      expect(() => eventsOf(changed), `event ${event}`).toThrow(/cannot be followed at/);
      at += size;
    }
  });

  it('is refused where a row of it is cut off', () => {
    const events = eventsOf(log);
    const rows = events.filter((event) => event.kind === 'rows');
    expect(rows.length).toBeGreaterThan(3);
    for (const event of rows)
      for (const length of [1, 7, event.images.length >> 1, event.images.length - 1]) {
        const cut = { ...event, images: event.images.subarray(0, length) };
        expect(() => rowsOf(log, golden, [cut])).toThrow(/cannot be read from the log/);
      }
  });
});
