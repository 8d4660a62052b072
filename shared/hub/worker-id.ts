import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

/** Who holds a lease: `host=pid=random`, safe in keys. */
export function createWorkerId(): string {
  return `${thisHost()}=${process.pid}=${randomBytes(4).toString('hex')}`;
}

/** Whether it may name one: what else is in a bucket, nobody holds anything by. */
export function isWorkerId(text: string): boolean {
  return /^[a-zA-Z0-9=-]{1,300}$/.test(text);
}

/** The part of a holder that people read in logs and status. */
export function shortWorkerId(holder: string): string {
  return holder.slice(holder.lastIndexOf('=') + 1);
}

/**
 * Whether the holder was a process of this machine that is gone, so that nobody need wait for its leases to expire.
 * False in every doubt.
 */
export function isGone(holder: string, self: string): boolean {
  const [host, pid] = holder.split('=');
  if (host !== thisHost() || pid === undefined || holder === self) return false;
  // The same process number with another suffix: an earlier life, as in a container that was started again.
  if (Number(pid) === process.pid) return true;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

function thisHost(): string {
  return hostname().replaceAll(/[^a-zA-Z0-9-]/g, '-');
}
