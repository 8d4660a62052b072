import { type ASTNode, Environment, EvaluationError } from '@marcbachmann/cel-js';
import type { FieldValue } from './expression-value.ts';
import { toFieldValue } from './field-value.ts';
import { MISSING, type Row } from './row.ts';
import { type Shape, StepFailure, StepMisfit, unknownField, valueAt } from './step.ts';

/**
 * An expression in CEL. It sees `row`, whose fields are those of the row as it reaches the step, and `source`, the
 * name of the namespace there. Its result depends on these alone.
 */
export interface Expression {
  text: string;
  /** Fields that it reads; null where that cannot be told, so it is all of them. */
  fields: readonly string[] | null;
  /** The one whose value it is, where it is no more than that. */
  field: string | null;
  /** What it gives, where that can be told: `bool`, `int`, `double`, `string` or `null`; otherwise `dyn`. */
  type: string;
  evaluate(context: { row: Record<string, FieldValue>; source: string }): unknown;
}

const ENVIRONMENT = new Environment({ homogeneousAggregateLiterals: false })
  .registerVariable('row', 'map')
  .registerVariable('source', 'string');

/** Throws an error with the reason where it is none. */
export function parseExpression(text: string): Expression {
  const parsed = ENVIRONMENT.parse(text);
  const checked = parsed.check();
  if (!checked.valid) throw checked.error ?? new Error('it is not valid');
  const fields = new Set<string>();
  const all = !collectFields(parsed.ast, fields);
  return {
    text,
    fields: all ? null : [...fields],
    field: parsed.ast.op === '.' && isRow(parsed.ast.args[0]) ? parsed.ast.args[1] : null,
    type: checked.type ?? 'dyn',
    evaluate: (context) => parsed(context) as unknown,
  };
}

/** What is wrong with the text of an expression; null where nothing is. */
export function expressionProblem(text: string): string | null {
  try {
    parseExpression(text);
    return null;
  } catch (error) {
    const summary = (error as { summary?: string }).summary ?? (error as Error).message;
    return `is not an expression: ${summary.split('\n')[0]}`;
  }
}

/** An expression for rows of a shape: gives its result, or throws `StepFailure`. */
export interface BoundExpression {
  /** Places of the fields that it reads. */
  reads: readonly number[];
  evaluate: (row: Row) => unknown;
}

/** Throws `StepMisfit` where it reads a field that the shape lacks. */
export function bindExpression(expression: Expression, shape: Shape): BoundExpression {
  const names = shape.fields.map(({ name }) => name);
  if (expression.fields === null && shape.documents !== null)
    throw new StepMisfit(
      `has an expression that takes the row as a whole, and which fields documents of ${shape.namespace} have is not known: name them, as in row.state`,
    );
  const wanted = expression.fields ?? names;
  const missing = wanted.filter((name) => !names.includes(name));
  if (missing.length > 0) throw new StepMisfit(...missing.map((name) => unknownField(shape, name)));
  const reads = wanted.map((name) => names.indexOf(name));
  return {
    reads,
    evaluate(of) {
      const { values } = of;
      const row: Record<string, FieldValue> = {};
      for (const place of reads) {
        const field = shape.fields[place]!;
        const { name } = field;
        const value = values[place];
        // `has(row.field)` tells.
        if (value === MISSING) continue;
        if (value === undefined)
          throw new StepFailure(
            `the expression reads ${name}, whose value did not come because the update left it unchanged`,
          );
        const seen = toFieldValue(valueAt(shape, of, place), field);
        if (seen === undefined)
          throw new StepFailure(
            `the expression reads ${name}, which has a BSON type that expressions do not know`,
          );
        row[name] = seen;
      }
      try {
        return expression.evaluate({ row, source: shape.namespace });
      } catch (error) {
        throw new StepFailure(`the expression failed: ${reasonOf(error)}`);
      }
    },
  };
}

/** The library's own words may quote values. */
function reasonOf(error: unknown): string {
  if (!(error instanceof EvaluationError)) return 'unknown reason';
  if (error.code === 'no_such_overload') return error.summary;
  return error.code.replaceAll('_', ' ');
}

/** Adds the fields read through `row.name` or `row["name"]`; false where `row` is used in any other way. */
function collectFields(node: ASTNode, fields: Set<string>): boolean {
  if (node.op === 'id') return node.args !== 'row';
  if ((node.op === '.' || node.op === '.?') && isRow(node.args[0])) {
    fields.add(node.args[1]);
    return true;
  }
  if ((node.op === '[]' || node.op === '[?]') && isRow(node.args[0])) {
    const [, index] = node.args;
    if (index.op !== 'value' || typeof index.args !== 'string') return false;
    fields.add(index.args);
    return true;
  }
  return nodesIn(node.args).reduce((known, each) => collectFields(each, fields) && known, true);
}

function isRow(node: ASTNode): boolean {
  return node.op === 'id' && node.args === 'row';
}

function nodesIn(args: unknown): ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(nodesIn);
  return typeof args === 'object' && args !== null && 'op' in args ? [args as ASTNode] : [];
}
