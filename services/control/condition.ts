import type { ServiceStatus } from '../../shared/progress/status.ts';

/** What people may ask of a pipeline. */
export const ACTIONS = ['start', 'pause', 'resume', 'stop', 'reset', 'verify', 'delete'] as const;

export type Action = (typeof ACTIONS)[number];

/**
 * Where a pipeline is in its life, as people see it. `created`: it has not run yet. `ended`: no service of it is left
 * after a stop, the end of a copy, or a failure. `stopped`: it is to stand, and its services still wait.
 */
export type Condition = 'created' | 'running' | 'paused' | 'stopped' | 'ended';

export interface Facts {
  condition: Condition;
  /** Whether this control has the pipeline's file, and so the addresses of its databases. */
  hasFile: boolean;
  /** Whether this control may start services, and end them. */
  mayRun: boolean;
  /** Whether the file belongs to this control, which then may remove it. */
  ownsFile: boolean;
  /** What is under way already. */
  busy: Action | null;
}

const RUNS = 'it runs already';
const STANDS = 'none of its services runs; start it first';

/** Null: this may be asked. Else a sentence that says why not; `to`: where it leads. */
const LIFE: Readonly<Record<Condition, Readonly<Record<Action, { to: Condition } | string>>>> = {
  created: {
    start: { to: 'running' },
    pause: STANDS,
    resume: STANDS,
    stop: STANDS,
    reset: { to: 'created' },
    verify: { to: 'created' },
    delete: { to: 'ended' },
  },
  running: {
    start: RUNS,
    pause: { to: 'paused' },
    resume: RUNS,
    stop: { to: 'ended' },
    reset: 'it runs; pause or stop it first',
    verify: { to: 'running' },
    delete: 'it runs; stop it first',
  },
  paused: {
    start: { to: 'running' },
    pause: 'it is paused already',
    resume: { to: 'running' },
    stop: { to: 'ended' },
    reset: { to: 'created' },
    verify: { to: 'paused' },
    delete: 'its services still run; stop it first',
  },
  stopped: {
    start: { to: 'running' },
    pause: 'it is stopped already',
    resume: { to: 'running' },
    // Asked again it does no harm, and what is heard of a pipeline that was just started is a moment old.
    stop: { to: 'ended' },
    reset: { to: 'created' },
    verify: { to: 'stopped' },
    delete: 'its services still run; end them where they were started',
  },
  ended: {
    start: { to: 'running' },
    pause: STANDS,
    resume: STANDS,
    stop: STANDS,
    reset: { to: 'created' },
    verify: { to: 'ended' },
    delete: { to: 'ended' },
  },
};

const STANDING: readonly Condition[] = ['created', 'ended'];

/** Where `action` leads from here, or why it may not be asked for now. Total, and without memory. */
export function transition(
  { condition, hasFile, mayRun, ownsFile, busy }: Facts,
  action: Action,
): { to: Condition } | { refused: string } {
  if (busy !== null && action !== 'verify') return { refused: `${busy} is under way` };
  const step = LIFE[condition][action];
  if (typeof step === 'string') return { refused: step };
  const stands = STANDING.includes(condition);
  if (action === 'start' && stands && !mayRun)
    return { refused: 'its services are started and ended elsewhere' };
  if ((action === 'verify' || (stands && action !== 'delete')) && !hasFile)
    return { refused: 'its file is not known here, and so neither are its databases' };
  if (action === 'delete' && !ownsFile)
    return { refused: 'it was not created here, so there is nothing to delete' };
  return step;
}

/** What the services that were heard say; null where there are none. */
export function conditionOf(services: readonly ServiceStatus[]): Condition | null {
  const working = services.filter(({ service }) => service !== 'stats');
  if (working.length === 0) return null;
  const reader =
    working.find((s) => s.service === 'source-reader' && s.readerEpoch > 0) ??
    working.find((s) => s.service === 'source-reader');
  if (reader?.phase === 'paused' || reader?.phase === 'stopped') return reader.phase;
  return 'running';
}
