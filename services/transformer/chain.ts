import { partName } from '../../shared/change/namespace-part.ts';
import type { Relation } from '../../shared/change/relation.ts';
import { parseNamespacePattern } from '../../shared/config/namespace-pattern.ts';
import type { TransformStep } from '../../shared/config/transform-step.ts';
import { ChainMismatch } from './chain-mismatch.ts';
import { isDocumentRelation } from '../../shared/document/document-relation.ts';
import { documentForm, requireSameId } from './document-form.ts';
import type { Row } from './row.ts';
import { columnForm, type RowForm } from './row-form.ts';
import {
  type CompiledStep,
  documentShape,
  type Field,
  type Shape,
  type StepContext,
  StepFailure,
  StepMisfit,
} from './step.ts';
import { stepKind } from './step-kinds.ts';

/** The steps of a pipeline as they are done to the rows of one namespace. */
export interface Chain {
  source: Relation;
  form: RowForm;
  /** Of the rows behind the last step; the namespace is that of the source. */
  relation: Relation;
  /** Its name at the target, where a step has said so. */
  target: string | null;
  /** See `Shape`. */
  parts: readonly string[];
  /** Of the rows of each part, the first being `relation`. */
  relations: readonly Relation[];
  /** See `CompiledStep`; null where all rows go to one namespace. */
  spreads: 'key' | 'row' | null;
  /** See `CompiledStep`; null where no step leaves rows out. */
  decides: 'key' | 'row' | null;
  /** Some step is done elsewhere and waited for: the more rows at once, the better. */
  waits: boolean;
  /** Takes the rows through all steps, in place. What a step cannot do is told in the row. */
  run(rows: readonly Row[]): void | Promise<void>;
}

/** Fits the steps to a relation. Null where none of them is for it. Throws `ChainMismatch`. */
export function compileChain(
  steps: readonly TransformStep[],
  source: Relation,
  context: StepContext,
): Chain | null {
  const mine = steps.flatMap((step, place) =>
    isFor(step.on, source.namespace) ? [{ ...step, name: `step ${place + 1} (${step.kind})` }] : [],
  );
  let shape = shapeOf(source, mine);
  const before = shape.documents;
  const compiled: { step: CompiledStep; name: string }[] = [];
  for (const { kind, settings, name } of mine) {
    try {
      const step = stepKind(kind)!.compile(settings, shape, context);
      shape = step.shape;
      compiled.push({ step, name });
    } catch (error) {
      // What the steps behind it would see is not known.
      if (error instanceof StepMisfit)
        throw new ChainMismatch(error.problems.map((problem) => `${name} ${problem}`));
      throw error;
    }
  }
  if (compiled.length === 0) return null;
  if (before !== null) {
    const after = shape;
    const run = (row: Row): void => requireSameId(before, after, row);
    compiled.push({ step: { shape, run }, name: 'the steps' });
  }
  const decisions = compiled.map(({ step }) => step.decides);
  const shaped = before === null ? relationOf(shape, source) : source;
  const isSparse = compiled.some(({ step }) => step.decides === 'row' || step.spreads === 'row');
  const relation: Relation = isSparse ? { ...shaped, sparse: true } : shaped;
  const parts = shape.parts.map((target) => ({
    ...relation,
    namespace: partName(source.namespace, target),
  }));
  return {
    source,
    form: before === null ? columnForm(source, relation) : documentForm(source, before, shape),
    relation,
    target: shape.target,
    parts: shape.parts,
    relations: [relation, ...parts],
    spreads: compiled.find(({ step }) => step.spreads !== undefined)?.step.spreads ?? null,
    decides: decisions.includes('row') ? 'row' : decisions.includes('key') ? 'key' : null,
    waits: compiled.some(({ step }) => step.runAll !== undefined),
    run: (rows) => runSteps(compiled, 0, rows),
  };
}

/** Whether a step with that `on` is for the namespace. */
export function isFor(on: readonly string[] | undefined, namespace: string): boolean {
  return on === undefined || on.some((glob) => parseNamespacePattern(glob).matches(namespace));
}

function shapeOf(source: Relation, steps: readonly (TransformStep & { name: string })[]): Shape {
  const { namespace, columns, key, identity, looseKey } = source;
  const own = {
    namespace,
    target: null,
    parts: [],
    identity,
    looseKey: looseKey === true,
  };
  if (isDocumentRelation(source)) {
    const named = steps.flatMap(({ kind, settings, name }) => {
      const names = stepKind(kind)!.names?.(settings) ?? [];
      return names.map((each) => ({ field: each, name }));
    });
    const dotted = named.filter(({ field }) => field.includes('.'));
    if (dotted.length > 0)
      throw new ChainMismatch(
        dotted.map(
          ({ field, name }) =>
            `${name} names ${field}, and steps name whole fields of the documents of ${namespace}, none inside others: use an expression (row.${field}), a module or grpc`,
        ),
      );
    return { ...own, ...documentShape(named.map(({ field }) => field)) };
  }
  return {
    ...own,
    documents: null,
    fields: columns.map(({ encoding: _, ...column }, place): Field => {
      return { ...column, isKey: key.includes(place), source: place };
    }),
  };
}

/** Without the route: lanes are chosen by what the source has. */
function relationOf({ fields }: Shape, { route: _, ...source }: Relation): Relation {
  return {
    ...source,
    columns: fields.map(({ isKey: _key, source: _source, ...field }) => ({
      ...field,
      encoding: 'text',
    })),
    key: source.key.map((place) => fields.findIndex((field) => field.source === place)),
  };
}

/** Synchronous as long as the steps are. */
function runSteps(
  steps: readonly { step: CompiledStep; name: string }[],
  from: number,
  rows: readonly Row[],
): void | Promise<void> {
  for (let at = from; at < steps.length; at++) {
    const { step, name } = steps[at]!;
    if (step.runAll !== undefined) {
      const left = rows.filter(isLeft);
      return step.runAll(left).then(() => {
        for (const row of left) if (row.failure !== null) row.failure = `${name}: ${row.failure}`;
        return runSteps(steps, at + 1, rows);
      });
    }
    if (step.run !== undefined) for (const row of rows) if (isLeft(row)) runStep(step, name, row);
  }
}

function isLeft({ dropped, failure }: Row): boolean {
  return !dropped && failure === null;
}

function runStep(step: CompiledStep, name: string, row: Row): void {
  try {
    step.run!(row);
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    row.failure = `${name}: ${error.message}`;
  }
}
