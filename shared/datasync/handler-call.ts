import { DatasyncError } from './datasync-error.ts';

/** What a call of a handler came to. */
export type Outcome =
  | { is: 'done' }
  | { is: 'failed'; error: unknown }
  /** It has not returned; nothing else may touch its keys until `settled`. */
  | { is: 'overdue'; settled: Promise<void> }
  | { is: 'fenced'; settled: Promise<void> };

export interface CallOptions {
  /** How long it may take. */
  doneMs: number;
  /** Aborted when its epoch ends. */
  epoch: AbortSignal;
}

/**
 * Calls a handler once. The first that happens counts: it returns, it throws, its time is over, its epoch ends. In the
 * last two cases its signal is aborted and whatever it answers later counts for nothing.
 */
export async function callHandler(
  run: (signal: AbortSignal) => Promise<void> | void,
  { doneMs, epoch }: CallOptions,
): Promise<Outcome> {
  if (epoch.aborted) return { is: 'fenced', settled: Promise.resolve() };
  const controller = new AbortController();
  const work = (async () => run(controller.signal))();
  const settled = work.then(
    () => undefined,
    () => undefined,
  );
  let timer: NodeJS.Timeout | undefined;
  let onFenced = (): void => undefined;
  const returned = work.then(
    (): Outcome => ({ is: 'done' }),
    (error: unknown): Outcome => ({ is: 'failed', error }),
  );
  const overdue = new Promise<Outcome>((resolve) => {
    timer = setTimeout(() => resolve({ is: 'overdue', settled }), doneMs);
  });
  const fenced = new Promise<Outcome>((resolve) => {
    onFenced = () => resolve({ is: 'fenced', settled });
    epoch.addEventListener('abort', onFenced);
  });
  const outcome = await Promise.race([fenced, overdue, returned]);
  clearTimeout(timer);
  epoch.removeEventListener('abort', onFenced);
  // An answer and the end of its epoch in one turn: the epoch counts.
  const counted: Outcome = epoch.aborted ? { is: 'fenced', settled } : outcome;
  if (counted.is === 'overdue' || counted.is === 'fenced')
    controller.abort(
      new DatasyncError(
        counted.is === 'overdue' ? 'OVERDUE' : 'CLOSED',
        counted.is === 'overdue'
          ? `the handler has not answered within ${doneMs} ms`
          : 'a new epoch has begun; the answer counts for nothing',
      ),
    );
  return counted;
}
