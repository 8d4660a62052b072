import type { NativeTypes } from './native-types.ts';
import type { TargetNames } from './target-names.ts';

/** What every part of the sink knows of the pipeline. */
export interface PlanTarget {
  pipeline: string;
  create: 'missing' | 'never';
  /** Whether what is not known yet is copied, so that its table must be empty. */
  copies: boolean;
  order: 'key' | 'transaction';
  names: TargetNames;
  natives: NativeTypes;
}
