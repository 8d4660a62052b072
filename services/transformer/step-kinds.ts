import type { StepKind } from './step.ts';
import { cast } from './steps/cast.ts';
import { hash, redact, tokenize } from './steps/masking.ts';
import { filter } from './steps/filter.ts';
import { drop, keep } from './steps/keep.ts';
import { grpc } from './steps/grpc.ts';
import { module } from './steps/module.ts';
import { rename } from './steps/rename.ts';
import { route } from './steps/route.ts';
import { set } from './steps/set.ts';
import { truncate } from './steps/truncate.ts';

/** Every kind of step, by its key in the pipeline file. */
export const STEP_KINDS: Readonly<Record<string, StepKind>> = {
  keep,
  drop,
  rename,
  set,
  filter,
  hash,
  redact,
  truncate,
  tokenize,
  route,
  cast,
  module,
  grpc,
};

/** The kind of that name. */
export function stepKind(name: string): StepKind | undefined {
  return Object.hasOwn(STEP_KINDS, name) ? STEP_KINDS[name] : undefined;
}
