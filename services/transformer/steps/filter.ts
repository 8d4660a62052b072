import { z } from 'zod';
import { bindExpression, expressionProblem, parseExpression } from '../expression.ts';
import { StepFailure, type StepKind } from '../step.ts';

/** A text that is an expression. */
export const expressionText = z
  .string({ error: "must be an expression as text, e.g. row.state != 'draft'" })
  .superRefine((text, context) => {
    const problem = expressionProblem(text);
    if (problem !== null) context.addIssue({ code: 'custom', message: problem });
  });

/** What an expression says that it reads. */
export function fieldsRead(text: string): readonly string[] {
  return parseExpression(text).fields ?? [];
}

/**
 * Only rows of which the expression is true go on. A row that stops being one with an update is removed at the target;
 * one that becomes one is put there, for which the update must bring all of it.
 */
export const filter: StepKind<string> = {
  form: expressionText,
  names: fieldsRead,
  compile(text, shape) {
    const { reads, evaluate } = bindExpression(parseExpression(text), shape);
    const byKey = shape.identity === 'key' && reads.every((place) => shape.fields[place]!.isKey);
    return {
      shape,
      decides: byKey ? 'key' : 'row',
      run(row) {
        if (row.keyOnly && !byKey) return;
        const answer = evaluate(row);
        if (typeof answer !== 'boolean')
          throw new StepFailure('the expression gave something else than true or false');
        row.dropped = !answer;
      },
    };
  },
};
