import type { AddedLabel, SchemaChange } from '../../../../../shared/schema/schema-diff.ts';
import type { ColumnSchema, TableSchema } from '../../../../../shared/schema/table-schema.ts';
import { parseTypeName } from '../../../../../shared/schema/type-name.ts';
import { unknownKind } from '../../../../../shared/schema/logical-type.ts';
import { toAddColumn } from '../target/add-column.ts';
import { columnDefault } from '../../catalog/column-default.ts';
import { hasUnknownValues } from '../../catalog/filled-columns.ts';
import { qualifiedName, quoteIdent, quoteLiteral } from '../../connection/names.ts';
import type { ColumnDefinition } from '../../catalog/table-definition.ts';
import type { TargetName } from '../target/target-names.ts';

/** What makes a table what its source has become. */
export interface RenderedChange {
  /** Empty where nothing can do it. */
  statements: string[];
  /** Nothing that is there is lost or refused by them, and rows that are there have what they have at the source. */
  safe: boolean;
}

export interface RenderOptions {
  /** All that is known of a column that is added. */
  columnOf: (column: ColumnSchema) => ColumnDefinition;
  /** There are rows already. */
  filled: boolean;
}

/** Types in changes are those of the target (`native`). */
export function renderChange(
  change: SchemaChange,
  name: TargetName,
  { columnOf, filled }: RenderOptions,
): RenderedChange {
  const alter = `ALTER TABLE ${name.sql}`;
  const list = (columns: readonly string[]): string => columns.map(quoteIdent).join(', ');
  switch (change.kind) {
    case 'columnAdded': {
      const column = columnOf(change.column);
      const statements = toAddColumn(column, name, filled);
      return { statements, safe: !filled || !hasUnknownValues(column) };
    }
    case 'columnDropped':
      return byHand(`${alter} DROP COLUMN ${quoteIdent(change.column.name)}`);
    case 'columnRenamed':
      return byHand(
        `${alter} RENAME COLUMN ${quoteIdent(change.from)} TO ${quoteIdent(change.to)}`,
      );
    case 'columnRetyped': {
      const { name: column, native } = change.column;
      return byHand(`${alter} ALTER COLUMN ${quoteIdent(column)} TYPE ${native}`);
    }
    case 'enumExtended':
      return { statements: labelStatements(change.column, change.added), safe: true };
    case 'nullability': {
      const verb = change.nullable ? 'DROP' : 'SET';
      const sql = `${alter} ALTER COLUMN ${quoteIdent(change.column)} ${verb} NOT NULL`;
      return { statements: [sql], safe: change.nullable };
    }
    case 'default': {
      const set = columnDefault(change.default);
      // A column that numbers itself is not made by a default.
      if (change.default !== null && set === null) return { statements: [], safe: false };
      const sql = `${alter} ALTER COLUMN ${quoteIdent(change.column)} ${set === null ? 'DROP DEFAULT' : `SET DEFAULT ${set}`}`;
      return { statements: [sql], safe: true };
    }
    case 'key':
      return { statements: [], safe: false };
    case 'uniqueAdded': {
      const { name: unique, columns } = change.unique;
      return byHand(`${alter} ADD CONSTRAINT ${quoteIdent(unique)} UNIQUE (${list(columns)})`);
    }
    case 'uniqueDropped':
      return {
        statements: [`${alter} DROP CONSTRAINT ${quoteIdent(change.name)}`],
        safe: true,
      };
    case 'indexAdded': {
      const { name: index, columns, unique, native } = change.index;
      // Of a method or an expression only its own store knows the statement.
      if (native !== null) return { statements: [], safe: false };
      const sql = `CREATE ${unique ? 'UNIQUE ' : ''}INDEX ${quoteIdent(index)} ON ${name.sql} (${list(columns)})`;
      return { statements: [sql], safe: !unique };
    }
    case 'indexDropped':
      return { statements: [`DROP INDEX ${qualifiedName(name.schema, change.name)}`], safe: true };
    default:
      return unknownKind(change);
  }
}

function byHand(sql: string): RenderedChange {
  return { statements: [sql], safe: false };
}

/** Where the enum is one here; text takes any label. */
function labelStatements({ native, logical }: ColumnSchema, added: readonly AddedLabel[]) {
  if (logical.kind !== 'enum' || parseTypeName(native).kind !== 'other') return [];
  const old = logical.labels.find((label) => added.every((each) => each.label !== label));
  const label = (text: string): string => quoteLiteral(text).trim();
  return added.map(({ label: text, after }) => {
    const before = old === undefined ? '' : ` BEFORE ${label(old)}`;
    const place = after === null ? before : ` AFTER ${label(after)}`;
    return `ALTER TYPE ${native} ADD VALUE ${label(text)}${place}`;
  });
}

/** A table as its columns alone say it, for comparing it: with the types of PostgreSQL that they have. */
export function columnsOnly(
  namespace: string,
  columns: readonly { name: string; type: string }[],
): TableSchema {
  return {
    namespace,
    columns: columns.map(({ name, type }) => ({
      ...{ name, logical: parseTypeName(type), native: type, nullable: true },
      ...{ default: null, generated: false, comment: null },
    })),
    ...{ key: [], uniques: [], indexes: [], comment: null },
  };
}
