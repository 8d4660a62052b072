import { z } from 'zod';
import { bindExpression, parseExpression } from '../expression.ts';
import { createRow } from '../row.ts';
import { type CompiledStep, type Shape, StepFailure, type StepKind, StepMisfit } from '../step.ts';
import { expressionText } from './filter.ts';
import { targetList } from './forms.ts';

const ERROR =
  'must be a namespace at the target, in which {namespace}, {schema} and {name} stand for those at the source, or { cel: "…" }, or { cel: "…", to: [a, b] } where it reads the row';

type Settings = string | { cel: string; to?: string[] | undefined };

/** The whole namespace, or each row of it by itself, goes to another one at the target. */
export const route: StepKind<Settings> = {
  form: z.union(
    [z.string().min(1), z.strictObject({ cel: expressionText, to: targetList.optional() })],
    { error: ERROR },
  ),
  compile(settings, shape) {
    if (shape.parts.length > 0)
      throw new StepMisfit(
        `routes ${shape.namespace}, whose rows an earlier step sends one by one; leave one of them out`,
      );
    if (typeof settings === 'object' && settings.to !== undefined)
      return spread(settings.cel, settings.to, shape);
    return { shape: { ...shape, target: wholeTarget(settings, shape) } };
  },
};

/** Where all rows of a namespace go, or those that go to the first of several. */
export function routeTarget(settings: Settings, namespace: string): string {
  if (typeof settings === 'object' && settings.to !== undefined) return settings.to[0]!;
  // It looks at the name alone.
  const none = {
    namespace,
    target: null,
    parts: [],
    looseKey: false,
    fields: [],
    documents: null,
  };
  return wholeTarget(settings, { ...none, identity: 'none' });
}

/** A row that an update sends elsewhere must be taken from where it was, by its key. */
export function refuseKeyless({ namespace, identity, documents }: Shape): void {
  if (documents !== null)
    throw new StepMisfit(
      `sends documents of ${namespace} one by one, which is done with rows of tables only; leave out "to", or filter in pipelines of their own`,
    );
  if (identity === 'key') return;
  throw new StepMisfit(
    `sends rows of ${namespace} one by one, which needs a key by which a row is taken from where it was, and it has none`,
  );
}

function spread(cel: string, to: readonly string[], shape: Shape): CompiledStep {
  refuseKeyless(shape);
  const { reads, evaluate } = bindExpression(parseExpression(cel), shape);
  const byKey = reads.every((place) => shape.fields[place]!.isKey);
  return {
    shape: { ...shape, target: to[0]!, parts: to.slice(1) },
    spreads: byKey ? 'key' : 'row',
    ...(byKey ? {} : { decides: 'row' }),
    run(row) {
      if (row.keyOnly && !byKey) return;
      row.part = to.indexOf(evaluate(row) as string);
      if (row.part < 0)
        throw new StepFailure('the expression gave a namespace that "to" does not list');
    },
  };
}

function wholeTarget(settings: Settings, shape: Shape): string {
  if (typeof settings === 'string') return fill(settings, shape.namespace);
  const expression = parseExpression(settings.cel);
  if (expression.fields === null || expression.fields.length > 0)
    throw new StepMisfit(
      `routes rows of ${shape.namespace} one by one, by their fields; say with "to" which namespaces the expression may give, e.g. { cel: "…", to: [a, b] }`,
    );
  const target = bindExpression(expression, { ...shape, fields: [], documents: null }).evaluate(
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
