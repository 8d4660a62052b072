import { z } from 'zod';
import { bindExpression, parseExpression } from '../expression.ts';
import { createRow } from '../row.ts';
import { type Shape, type StepKind, StepMisfit } from '../step.ts';
import { expressionText } from './filter.ts';

const ERROR =
  'must be a namespace at the target, in which {namespace}, {schema} and {name} stand for those at the source, or { cel: "…" }';

/** The whole namespace goes to another one at the target. */
export const route: StepKind<string | { cel: string }> = {
  form: z.union([z.string().min(1), z.strictObject({ cel: expressionText })], { error: ERROR }),
  compile: (settings, shape) => ({ shape: { ...shape, target: targetOf(settings, shape) } }),
};

function targetOf(settings: string | { cel: string }, shape: Shape): string {
  if (typeof settings === 'string') return fill(settings, shape.namespace);
  const expression = parseExpression(settings.cel);
  if (expression.fields === null || expression.fields.length > 0)
    throw new StepMisfit(
      `routes rows of ${shape.namespace} one by one, by their fields, which is not in this version; write an expression over source, or filter in pipelines of their own`,
    );
  const target = bindExpression(expression, { ...shape, fields: [] }).evaluate(
    createRow('copy', []),
  );
  if (typeof target !== 'string' || target === '')
    throw new StepMisfit(`routes ${shape.namespace} to something that is no name`);
  return target;
}

function fill(template: string, namespace: string): string {
  const dot = namespace.lastIndexOf('.');
  const parts: Readonly<Record<string, string>> = {
    namespace,
    schema: namespace.slice(0, Math.max(0, dot)),
    name: namespace.slice(dot + 1),
  };
  return template.replaceAll(/\{([^{}]*)\}/g, (_, part: string) => {
    const text = parts[part];
    if (text === undefined)
      throw new StepMisfit(
        `has {${part}} in its route; only {namespace}, {schema} and {name} stand for something`,
      );
    return text;
  });
}
