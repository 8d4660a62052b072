/**
 * Instants between two steps that are each durable by themselves, too short for chance to find. A test has a process die
 * there by naming one in WEIR_FAILPOINT, or fall asleep there, once, by `NAME:SIGSTOP`; what was done by then is done,
 * what comes next is not.
 */
export const FAILPOINTS = [
  /** The target has the plan and the reader's epoch; the lanes still hold what an earlier reader sent. */
  'plan-saved',
  /** The lanes are empty, and nothing has been read. */
  'lanes-emptied',
  /** The target has the chunk; neither the broker nor the reader knows. */
  'chunk-loaded',
  /** The target has given the lane a new epoch; its consumer is still that of the owner before. */
  'lane-taken',
  /** The lane's next batch is made up; nothing of it has gone to the target. */
  'changes-ready',
  /** The target has the changes; the broker has not been told. */
  'changes-committed',
  /** All lanes have come to a barrier, and nobody has carried it out. */
  'barrier-reached',
  /** A barrier was carried out; its lane has not moved in the broker, the others stand before it. */
  'barrier-carried-out',
  /** The first of the other lanes has passed it. */
  'barrier-passed',
] as const;

export type Failpoint = (typeof FAILPOINTS)[number];

const [name, signal = 'SIGKILL'] = (process.env['WEIR_FAILPOINT'] ?? '').split(':');
let armed = name;

export function failpoint(at: Failpoint): void {
  if (armed !== at) return;
  armed = undefined;
  process.kill(process.pid, signal);
}
