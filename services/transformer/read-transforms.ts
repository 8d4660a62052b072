import type { z } from 'zod';
import { closestName } from '../../shared/config/closest-name.ts';
import type { PipelineProblem } from '../../shared/config/pipeline-rules.ts';
import type { ReadTransforms, TransformStep } from '../../shared/config/transform-step.ts';
import { STEP_KINDS, stepKind } from './step-kinds.ts';

const KINDS = Object.keys(STEP_KINDS);

/** Reads the steps of a pipeline file: each is a block with the key of its kind and, where it is not for all, `on`. */
export const readTransforms: ReadTransforms = (list) => {
  const steps: TransformStep[] = [];
  const problems: PipelineProblem[] = [];
  for (const [place, raw] of list.entries()) {
    const read = readStep(raw);
    if ('step' in read) steps.push(read.step);
    else
      problems.push(
        ...read.problems.map(({ path, message }) => ({ path: [place, ...path], message })),
      );
  }
  return { steps, problems };
};

function readStep(raw: unknown): { step: TransformStep } | { problems: PipelineProblem[] } {
  if (typeof raw === 'string' && /^grpcs?:/i.test(raw)) return readStep({ grpc: { url: raw } });
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    return problem([], `must be a step such as drop: [note]; the steps are ${KINDS.join(', ')}`);
  const block = raw as Record<string, unknown>;
  const keys = Object.keys(block).filter((key) => key !== 'on');
  const unknown = keys.filter((key) => stepKind(key) === undefined);
  if (unknown.length > 0)
    return {
      problems: unknown.map((key) => {
        const near = closestName(key, [...KINDS, 'on']);
        const hint = near === undefined ? '' : `did you mean ${near}? `;
        return {
          path: [key],
          message: `is not a step; ${hint}allowed are ${KINDS.join(', ')}, and on`,
        };
      }),
    };
  const [kind, second] = keys;
  if (kind === undefined) return problem([], `has no step; it needs one of ${KINDS.join(', ')}`);
  if (second !== undefined)
    return problem(
      [second],
      `stands beside ${kind}; each step needs a place of its own in the list`,
    );
  const problems: PipelineProblem[] = [];
  const on = block['on'];
  if (on !== undefined && !isTextList(on))
    problems.push({ path: ['on'], message: 'must be a list of namespaces or globs' });
  const settings = stepKind(kind)!.form.safeParse(block[kind]);
  if (!settings.success)
    problems.push(...settings.error.issues.map((issue) => formProblem(kind, issue)));
  if (problems.length > 0 || !settings.success) return { problems };
  const step = { kind, on: isTextList(on) ? on : undefined, settings: settings.data };
  return { step };
}

function formProblem(kind: string, issue: z.core.$ZodIssue): PipelineProblem {
  if (issue.code === 'unrecognized_keys')
    return {
      path: [kind, ...issue.path, ...issue.keys.slice(0, 1)],
      message: 'is not known in this step',
    };
  // Of forms that begin alike, the one that came furthest says more than the whole.
  const nested = issue.code === 'invalid_union' ? furthest(issue.errors) : null;
  const { path, message } = nested ?? issue;
  return { path: [kind, ...issue.path, ...(nested === null ? [] : path)], message };
}

function furthest(branches: readonly z.core.$ZodIssue[][]): z.core.$ZodIssue | null {
  const deep = branches.flat().filter(({ path }) => path.length > 0);
  return deep[0] ?? null;
}

function isTextList(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((each) => typeof each === 'string' && each !== '')
  );
}

function problem(path: readonly PropertyKey[], message: string): { problems: PipelineProblem[] } {
  return { problems: [{ path, message }] };
}
