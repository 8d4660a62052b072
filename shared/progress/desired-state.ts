/**
 * What people want of a pipeline; kept at the target, so that it survives everything else. `paused` and `stopped`
 * both let the lanes run empty and read no more; `weir run` ends when its pipeline is stopped.
 */
export const DESIRED_STATES = ['running', 'paused', 'stopped'] as const;
export type DesiredState = (typeof DESIRED_STATES)[number];
