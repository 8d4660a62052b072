/**
 * Runs tasks side by side until all have ended. The first failure aborts the others; it is thrown when every task
 * has stopped, so nothing runs on behind the caller's back. Tasks return when their signal is aborted.
 */
export async function runTogether(
  signal: AbortSignal,
  tasks: ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const group = new AbortController();
  const inner = AbortSignal.any([signal, group.signal]);
  let failure: { error: unknown } | undefined;
  await Promise.all(
    tasks.map(async (task) => {
      try {
        await task(inner);
      } catch (error) {
        failure ??= { error };
        group.abort();
      }
    }),
  );
  if (failure !== undefined) throw failure.error;
}
