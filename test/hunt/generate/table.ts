import type { ColumnDraft, Draft, TableDraft } from './draft.ts';
import { quoteIdent } from './names.ts';
import { anyType, arrayOf } from './made-types.ts';
import { literalOf, ORDINARY_TYPES, type ValueType } from './value-type.ts';

const INTEGERS = ['integer', 'bigint'];

/** An ordinary table: a key as people make it, a few columns, now and then a default. */
export function addTable(draft: Draft, { small = false } = {}): TableDraft {
  const { dice, names } = draft;
  const schema = draft.schema();
  const name = names.table();
  const table: TableDraft = {
    schema,
    name,
    sql: `${quoteIdent(schema)}.${quoteIdent(name)}`,
    columns: [],
    key: [],
    constraints: [],
    verb: 'CREATE TABLE',
    tail: '',
    after: [],
    late: [],
    isPartitioned: false,
    insertsOnly: false,
    partitionKey: [],
    rows: dice.weighted([
      [2, 0],
      [10, dice.between(1, 8)],
      [small ? 0 : 4, dice.between(9, 40)],
    ]),
    keys: 0,
  };
  addKey(draft, table);
  const count = small ? dice.between(0, 2) : dice.between(1, 7);
  for (let i = 0; i < count; i++) table.columns.push(anyColumn(draft, table));
  if (dice.chance(0.15)) table.columns = dice.shuffle(table.columns);
  draft.tables.push(table);
  return table;
}

function addKey(draft: Draft, table: TableDraft): void {
  const { dice } = draft;
  const kind = dice.weighted([
    [5, 'serial'],
    [4, 'identity'],
    [4, 'plain'],
    [2, 'composite'],
  ] as const);
  const column = (type: ValueType, more: string, insert: ColumnDraft['insert']): ColumnDraft => {
    const made = { name: columnName(draft, table, 'id'), type, more, insert, nullable: false };
    table.columns.push(made);
    table.key.push(made);
    return made;
  };
  const integer = (): ValueType => {
    const wanted = dice.pick(INTEGERS);
    return ORDINARY_TYPES.find(({ sql }) => sql === wanted)!;
  };
  switch (kind) {
    case 'serial': {
      const type = integer();
      column({ ...type, sql: type.sql === 'integer' ? 'serial' : 'bigserial' }, '', 'may');
      break;
    }
    case 'identity':
      column(integer(), ` GENERATED ${dice.pick(['ALWAYS', 'BY DEFAULT'])} AS IDENTITY`, 'may');
      break;
    case 'plain':
      column(keyType(draft), ' NOT NULL', 'given');
      break;
    case 'composite':
      column(keyType(draft), ' NOT NULL', 'given');
      column(keyType(draft), ' NOT NULL', 'given');
      if (dice.chance(0.3)) column(keyType(draft), ' NOT NULL', 'given');
      table.key = dice.shuffle(table.key);
      break;
  }
  const columns = table.key.map(({ name }) => quoteIdent(name)).join(', ');
  table.constraints.push({ sql: `PRIMARY KEY (${columns})` });
}

function keyType(draft: Draft): ValueType {
  const type = anyType(draft, draft.rareTypes / 3);
  return type.key === undefined ? keyType(draft) : type;
}

export function anyColumn(draft: Draft, table: TableDraft): ColumnDraft {
  const { dice } = draft;
  let type =
    draft.types.length > 0 && dice.chance(0.2)
      ? dice.pick(draft.types)
      : anyType(draft, draft.rareTypes);
  if (dice.chance(0.1)) type = arrayOf(type);
  const notNull = dice.chance(0.3);
  const withDefault = dice.chance(0.25);
  const more = [
    ...(withDefault ? [`DEFAULT ${defaultOf(draft, type)}`] : []),
    ...(notNull ? ['NOT NULL'] : []),
  ];
  return {
    name: columnName(draft, table),
    type,
    more: more.map((each) => ` ${each}`).join(''),
    insert: notNull && !withDefault ? 'given' : 'may',
    nullable: !notNull,
  };
}

function defaultOf({ dice }: Draft, type: ValueType): string {
  if (/^timestamp/.test(type.sql) && !type.sql.endsWith(']') && dice.chance(0.5)) return 'now()';
  if (type.sql === 'uuid' && dice.chance(0.5)) return 'gen_random_uuid()';
  return `${literalOf(type, dice)}::${type.sql}`;
}

export function columnName({ names, dice }: Draft, table: TableDraft, ordinary?: string): string {
  const taken = (name: string): boolean => table.columns.some((column) => column.name === name);
  if (ordinary !== undefined && !taken(ordinary) && dice.chance(0.8)) return ordinary;
  for (;;) {
    const name = names.column(table.sql);
    if (!taken(name)) return name;
  }
}
