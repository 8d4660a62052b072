import type { TransformStep } from '../hunt-case.ts';
import type { ColumnDraft, Draft, TableDraft } from './draft.ts';
import { nameOf, ordinaryTables } from './ordinary-tables.ts';

/** A field as the steps before have left it. */
interface Field {
  name: string;
  type: string;
  isKey: boolean;
  nullable: boolean;
}

const INTEGER = /^(smallint|integer|bigint|serial|bigserial)$/;
const TEXT = /^(text|varchar\(20\))$/;

/** Steps over some tables whose result can be worked out without Weir. */
export function makeTransforms(draft: Draft): void {
  const { dice, pipeline } = draft;
  const tables = dice.some(ordinaryTables(draft).filter(isPlain), dice.between(1, 2));
  const steps = tables.flatMap((table) => stepsFor(draft, table));
  if (steps.length === 0) return;
  pipeline.transforms = steps;
  if (dice.chance(0.2)) pipeline.transformers = 2;
}

/** Its columns travel as they are declared. */
function isPlain({ verb, columns, key, feature, isPartitioned }: TableDraft): boolean {
  return verb !== '' && feature === undefined && !isPartitioned && key.length > 0 && columns.every(({ more }) => !/GENERATED ALWAYS AS \(/.test(more)); // prettier-ignore
}

function stepsFor(draft: Draft, table: TableDraft): TransformStep[] {
  const { dice } = draft;
  const on = [nameOf(table)];
  let fields = table.columns.map((column) => toField(column, table));
  const steps: TransformStep[] = [];
  for (let i = dice.between(1, 3); i > 0; i--) {
    const made = dice.pick(STEPS)(draft, fields, table);
    if (made === undefined) continue;
    steps.push({ on, ...made.step });
    fields = made.fields;
  }
  if (dice.chance(0.3)) steps.push(...route(draft, fields, table).map((step) => ({ on, ...step })));
  return steps;
}

function toField(column: ColumnDraft, table: TableDraft): Field {
  return { name: column.name, type: column.type.sql, isKey: table.key.includes(column), nullable: column.nullable }; // prettier-ignore
}

type Made = { step: TransformStep; fields: Field[] } | undefined;
type Make = (draft: Draft, fields: Field[], table: TableDraft) => Made;

const STEPS: readonly Make[] = [
  ({ dice }, fields) => {
    const gone = dice.some(fields.filter(({ isKey }) => !isKey), 2); // prettier-ignore
    if (gone.length === 0) return undefined;
    return { step: { drop: names(gone) }, fields: fields.filter((each) => !gone.includes(each)) };
  },
  ({ dice }, fields) => {
    const kept = fields.filter(({ isKey }) => isKey || dice.chance(0.6));
    return { step: { keep: names(kept) }, fields: kept };
  },
  ({ dice }, fields) => {
    const field = dice.pick(fields);
    const name = `to ${dice.letters(3)}`;
    return { step: { rename: { [field.name]: name } }, fields: fields.map((each) => (each === field ? { ...each, name } : each)) }; // prettier-ignore
  },
  ({ dice }, fields) => {
    const fitting = fields.filter(({ isKey, nullable }) => !isKey && nullable);
    return fitting.length === 0
      ? undefined
      : { step: { redact: [dice.pick(fitting).name] }, fields };
  },
  (draft, fields) => one(draft, fields, isText, (name) => ({ redact: { [name]: '***' } })),
  (draft, fields) => one(draft, fields, isText, (name) => ({ truncate: { [name]: draft.dice.pick([0, 1, 3]) } })), // prettier-ignore
  (draft, fields) => one(draft, fields, isText, (name) => ({ set: { [name]: 'DE' } })),
  (draft, fields) => {
    const name = `more ${draft.dice.letters(3)}`;
    return { step: { set: { [name]: "it's" } }, fields: [...fields, { name, type: 'text', isKey: false, nullable: true }] }; // prettier-ignore
  },
  (draft, fields) => one(draft, fields, ({ type }) => INTEGER.test(type) || TEXT.test(type) || type === 'uuid', (name) => ({ hash: [name] }), 'text'), // prettier-ignore
  (draft, fields) => one(draft, fields, ({ type }) => INTEGER.test(type), (name) => ({ cast: { [name]: 'text' } }), 'text'), // prettier-ignore
  (draft, fields) => one(draft, fields, ({ type, isKey }) => type === 'boolean' && !isKey, (name) => ({ cast: { [name]: 'integer' } }), 'integer'), // prettier-ignore
  (draft, fields) => one(draft, fields, ({ type, isKey }) => INTEGER.test(type) && isKey, (name) => ({ filter: even(name) })), // prettier-ignore
  // Whether a row passes may change with an update, which must bring the whole row.
  (draft, fields, table) => {
    const made = one(draft, fields, ({ type, isKey }) => INTEGER.test(type) && !isKey, (name) => ({ filter: `row[${JSON.stringify(name)}] != null && row[${JSON.stringify(name)}] > 0` })); // prettier-ignore
    if (made !== undefined) table.late.push({ sql: `ALTER TABLE ${table.sql} REPLICA IDENTITY FULL` }); // prettier-ignore
    return made;
  },
];

function isText({ type, isKey }: Field): boolean {
  return TEXT.test(type) && !isKey;
}

function one(
  { dice }: Draft,
  fields: Field[],
  fits: (field: Field) => boolean,
  make: (name: string) => TransformStep,
  type?: string,
): Made {
  const fitting = fields.filter(fits);
  if (fitting.length === 0) return undefined;
  const field = dice.pick(fitting);
  const after = type === undefined ? fields : fields.map((each) => (each === field ? { ...each, type } : each)); // prettier-ignore
  return { step: make(field.name), fields: after };
}

/** Elsewhere as a whole, or row by row. */
function route({ dice }: Draft, fields: readonly Field[], { name }: TableDraft): TransformStep[] {
  const key = fields.find(({ isKey, type }) => isKey && INTEGER.test(type));
  if (key === undefined || dice.chance(0.5)) return [{ route: 'routed.{name}' }];
  const to = [`routed.${name}_even`, `routed.${name}_odd`];
  return [{ route: { cel: `${even(key.name)} ? '${to[0]}' : '${to[1]}'`, to } }];
}

function even(name: string): string {
  return `row[${JSON.stringify(name)}] % 2 == 0`;
}

function names(fields: readonly Field[]): string[] {
  return fields.map(({ name }) => name);
}
