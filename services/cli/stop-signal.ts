/**
 * A signal that is aborted when the process is asked to stop: SIGTERM, SIGINT, or the loss of the parent that
 * supervises it. Asked a second time, the process exits at once; where `deadlineMs` is not enough to end in order,
 * because something does not answer, it exits then. Neither does harm: what was not committed is done again.
 */
export function stopSignal({ deadlineMs }: { deadlineMs?: number } = {}): {
  signal: AbortSignal;
  dispose(): void;
} {
  const controller = new AbortController();
  let deadline: NodeJS.Timeout | undefined;
  const stop = (): void => {
    controller.abort();
    if (deadlineMs === undefined) return;
    deadline ??= setTimeout(() => {
      process.stderr.write(
        `weir: stopping took longer than ${deadlineMs / 1_000} s, because something does not answer, so it was ended; what was not committed is done again at the next start\n`,
      );
      process.exit(1);
    }, deadlineMs).unref();
  };
  const onSignal = (name: 'SIGTERM' | 'SIGINT'): void => {
    if (controller.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143);
    stop();
  };
  const onOrphaned = (): void => stop();
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.on('disconnect', onOrphaned);
  return {
    signal: controller.signal,
    dispose() {
      process.off('SIGTERM', onSignal);
      process.off('SIGINT', onSignal);
      process.off('disconnect', onOrphaned);
      clearTimeout(deadline);
      if (process.connected) process.disconnect();
    },
  };
}
