/** The one line of a server's log that says why it gave up: the last fatal one, else the last error, else the last. */
export function reasonIn(log: string): string {
  const lines = log
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const reason =
    lines.findLast((line) => /FATAL|FTL/.test(line)) ??
    lines.findLast((line) => /\berror\b|\bERR\b/i.test(line)) ??
    lines.at(-1);
  return reason ?? 'it printed nothing';
}
