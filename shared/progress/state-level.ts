import type { PipelineStateName } from './pipeline-report.ts';

/** How loud to say that a pipeline has come into a state. */
export function levelOf(state: PipelineStateName): 'info' | 'warn' | 'error' {
  switch (state) {
    case 'stuck':
    case 'unbalanced':
    case 'failed':
      return 'error';
    case 'behind':
    case 'down':
      return 'warn';
    default:
      return 'info';
  }
}

/** Whether changes happen to be made is no news: a source that rests now and then would fill every log. */
export function calm<T extends string | null>(state: T): T | 'following' {
  return state === 'idle' ? 'following' : state;
}
