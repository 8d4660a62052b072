import type { Statement } from '../hunt-case.ts';
import type { Dice } from './dice.ts';
import type { Draft } from './draft.ts';
import { quoteIdent } from './names.ts';
import { ORDINARY_TYPES, quoted, RARE_TYPES, type ValueType } from './value-type.ts';

export interface MadeType {
  type: ValueType;
  create: Statement;
}

export function anyType(draft: Draft, rareShare: number): ValueType {
  const { dice, version } = draft;
  const list = dice.chance(rareShare) ? RARE_TYPES : ORDINARY_TYPES;
  const type = dice.pick(list.filter(({ since }) => since === undefined || since <= version));
  draft.uses(type);
  return type;
}

const LABELS = ['new', 'open', 'done', 'in work', "it's", '"q"', 'größe', '', 'NULL', 'a,b', '(x)', 'x'.repeat(63)]; // prettier-ignore

export function makeEnum(dice: Dice, sql: string): MadeType {
  const labels = dice.some(LABELS, dice.between(1, 5));
  return {
    type: { sql, text: (d) => d.pick(labels), btree: true },
    create: { sql: `CREATE TYPE ${sql} AS ENUM (${labels.map(quoted).join(', ')})` },
  };
}

export function makeDomain(dice: Dice, sql: string, base: ValueType): MadeType {
  const more = dice.pick([
    '',
    ' CHECK (VALUE IS NOT NULL OR VALUE IS NULL)',
    ' CONSTRAINT "is it" CHECK (length(VALUE::text) >= 0)',
  ]);
  return {
    type: { ...base, sql },
    create: { sql: `CREATE DOMAIN ${sql} AS ${base.sql}${more}` },
  };
}

export function makeComposite(sql: string, fields: readonly [string, ValueType][]): MadeType {
  return {
    type: {
      sql,
      text: (dice) =>
        `(${fields.map(([, type]) => (dice.chance(0.2) ? '' : inComposite(type.text(dice)))).join(',')})`,
    },
    create: {
      sql: `CREATE TYPE ${sql} AS`,
      parts: fields.map(([name, type]) => ({ sql: `${quoteIdent(name)} ${type.sql}` })),
    },
  };
}

export function makeRange(sql: string): MadeType {
  return {
    type: { sql, text: (dice) => dice.pick(['empty', '[1.5,2.5)', '(,)', '[0,)']), btree: true },
    create: { sql: `CREATE TYPE ${sql} AS RANGE (subtype = float8)` },
  };
}

/** An array of the type: empty, with NULL, of several dimensions, with bounds of its own. */
export function arrayOf(element: ValueType): ValueType {
  return {
    sql: `${element.sql}[]`,
    feature: element.feature,
    text(dice) {
      const one = (): string => (dice.chance(0.2) ? 'NULL' : inArray(element.text(dice)));
      // A box has another delimiter between elements.
      const between = element.sql === 'box' ? ';' : ',';
      const list = (length: number): string => `{${Array.from({ length }, one).join(between)}}`;
      switch (dice.below(6)) {
        case 0:
          return '{}';
        case 1:
          return `{${list(2)}${between}${list(2)}}`;
        case 2:
          return `[-1:1]=${list(3)}`;
        default:
          return list(dice.between(1, 4));
      }
    },
  } as ValueType;
}

function inArray(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

function inComposite(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '""')}"`;
}
