/**
 * A signal that is aborted when the process is asked to stop: SIGTERM, SIGINT, or the loss of the parent that
 * supervises it. Asked a second time, the process exits at once.
 */
export function stopSignal(): { signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  const onSignal = (name: 'SIGTERM' | 'SIGINT'): void => {
    if (controller.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143);
    controller.abort();
  };
  const onOrphaned = (): void => controller.abort();
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.on('disconnect', onOrphaned);
  return {
    signal: controller.signal,
    dispose() {
      process.off('SIGTERM', onSignal);
      process.off('SIGINT', onSignal);
      process.off('disconnect', onOrphaned);
      if (process.connected) process.disconnect();
    },
  };
}
