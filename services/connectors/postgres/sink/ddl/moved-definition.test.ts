import { describe, expect, it } from 'vitest';
import { isSameStatement, toForeignKeyStatement, toIndexStatement } from './moved-definition.ts';
import { isOnColumns } from './table-ddl.ts';
import { createTargetNames, toTargetName } from '../target/target-names.ts';

const bill = toTargetName('sales', 'bill');

describe('a statement is the same', () => {
  it.each([
    ['PRIMARY KEY ("id", "Two")', 'PRIMARY KEY (id, "Two")', true],
    ['UNIQUE ("a")', 'UNIQUE (b)', false],
    ['UNIQUE ("A")', 'UNIQUE (a)', false],
    [`CHECK (a <> '"b"'::text)`, `CHECK (a <> 'b'::text)`, false],
    [`CHECK (a <> 'it''s "b"'::text)`, `CHECK ("a" <> 'it''s "b"'::text)`, true],
  ])('%s and %s: %s', (one, other, same) => {
    expect(isSameStatement(one, other)).toBe(same);
  });
});

describe('an index', () => {
  it.each([
    [
      'CREATE INDEX i ON shop.orders USING btree (a)',
      'CREATE INDEX "i" ON "sales"."bill" USING btree (a)',
    ],
    [
      'CREATE UNIQUE INDEX i ON ONLY shop."or der" USING gin (a) WHERE (b = \' USING \'::text)',
      'CREATE UNIQUE INDEX "i" ON "sales"."bill" USING gin (a) WHERE (b = \' USING \'::text)',
    ],
    [
      'CREATE INDEX "a ON b.c USING d" ON "x.y"."z" USING hash (lower(t))',
      'CREATE INDEX "i" ON "sales"."bill" USING hash (lower(t))',
    ],
  ])('%s is made on the mapped table', (definition, statement) => {
    expect(toIndexStatement({ name: 'i', unique: false, definition }, bill)).toBe(statement);
  });

  it('whose definition is not understood is refused, never left out', () => {
    const index = { name: 'i', unique: false, definition: 'CREATE INDEX i ON t (a)' };
    expect(() => toIndexStatement(index, bill)).toThrow(/"i" of sales\.bill is not understood/);
  });

  it('is on the key only if it is on exactly its columns, on all rows and checked at once', () => {
    const key = ['a', 'b "c", d'];
    expect(isOnColumns('UNIQUE ("b ""c"", d", a)', key)).toBe(true);
    expect(
      isOnColumns('CREATE UNIQUE INDEX i ON s.t USING btree (a, "b ""c"", d") INCLUDE (e)', key),
    ).toBe(true);
    expect(isOnColumns('PRIMARY KEY (a)', key)).toBe(false);
    expect(isOnColumns('UNIQUE (a) DEFERRABLE', ['a'])).toBe(false);
    expect(isOnColumns('CREATE UNIQUE INDEX i ON s.t USING btree (a) WHERE (b > 1)', ['a'])).toBe(
      false,
    );
    expect(isOnColumns('CREATE UNIQUE INDEX i ON s.t USING btree (lower(a))', ['a'])).toBe(false);
  });
});

describe('a foreign key', () => {
  const constraint = (definition: string) =>
    ({ name: 'fk', kind: 'foreign', definition, references: 's.t' }) as const;

  it('points to the mapped table and is not validated at once', () => {
    const sql = toForeignKeyStatement(constraint('FOREIGN KEY (a) REFERENCES "s s"."t""t"(id) ON DELETE CASCADE NOT VALID'), bill, toTargetName('x', 'y'), { validate: false, deferrable: false }); // prettier-ignore
    expect(sql).toBe('ALTER TABLE "sales"."bill" ADD CONSTRAINT "fk" FOREIGN KEY (a) REFERENCES "x"."y"(id) ON DELETE CASCADE NOT VALID'); // prettier-ignore
  });

  it('can be put off to the end of a transaction where that is asked for', () => {
    const end = (definition: string) =>
      toForeignKeyStatement(constraint(definition), bill, toTargetName('x', 'y'), {
        validate: true,
        deferrable: true,
      }).replace(/.*\(id\)/, '');
    expect(end('FOREIGN KEY (a) REFERENCES s.t(id) ON DELETE CASCADE')).toBe(
      ' ON DELETE CASCADE DEFERRABLE',
    );
    expect(end('FOREIGN KEY (a) REFERENCES s.t(id) DEFERRABLE INITIALLY DEFERRED')).toBe(
      ' DEFERRABLE INITIALLY DEFERRED',
    );
  });
});

describe('a mapped namespace', () => {
  it('takes its partitions along into its schema, under their own names', () => {
    const names = createTargetNames({ 'shop.event': 'log.entry', 'shop.event_2': 'old.second' });
    const root = { schema: 'shop', name: 'event' };
    expect(names.ofTable(root).namespace).toBe('log.entry');
    expect(names.ofPartition({ schema: 'shop', name: 'event_1' }, root).namespace).toBe(
      'log.event_1',
    );
    expect(names.ofPartition({ schema: 'shop', name: 'event_2' }, root).namespace).toBe(
      'old.second',
    );
    expect(names.ofPartition({ schema: 'other', name: 'e' }, root).namespace).toBe('other.e');
  });
});
