import type { TransformStep } from '../../shared/config/transform-step.ts';

/** Whether some step sends rows of one namespace to several of the target. */
export function fansOut(steps: readonly TransformStep[]): boolean {
  return steps.some(({ settings }) => (settings as { to?: unknown } | null)?.to !== undefined);
}

export function cannotFanOut(kind: string): string {
  return `a target of the kind ${kind} cannot take rows of one namespace in several; leave out "to" in the steps, or filter in pipelines of their own`;
}
