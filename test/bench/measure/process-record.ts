import { existsSync, readFileSync } from 'node:fs';

/** What Linux says of one process in /proc (man 5 proc). */
export interface ProcessRecord {
  /** Its own CPU time. */
  ownCpuMs: number;
  /** Its own and that of its children that have ended. */
  cpuMs: number;
  residentBytes: number;
  peakResidentBytes: number;
  command: string;
}

/** The unit of /proc/PID/stat: USER_HZ, which is 100 on every Linux that Node runs on. */
const TICK_MS = 10;

export function canReadProcesses(): boolean {
  return existsSync('/proc/self/stat');
}

/** Null for a process that is gone, or where there is no /proc. */
export function readProcess(pid: number): ProcessRecord | null {
  const stat = readProc(pid, 'stat');
  const status = readProc(pid, 'status');
  const command = readProc(pid, 'cmdline');
  if (stat === null || status === null || command === null) return null;
  // The name, in parentheses, may hold anything; the fields behind it are numbers, from the third one on.
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [user, system, childUser, childSystem] = [11, 12, 13, 14].map((i) => fields[i] ?? 0);
  const ownCpuMs = ((user ?? 0) + (system ?? 0)) * TICK_MS;
  return {
    ownCpuMs,
    cpuMs: ownCpuMs + ((childUser ?? 0) + (childSystem ?? 0)) * TICK_MS,
    residentBytes: kilobytes(status, 'VmRSS') * 1024,
    peakResidentBytes: kilobytes(status, 'VmHWM') * 1024,
    command: command.replaceAll('\0', ' ').trim(),
  };
}

/** The process and all below it. */
export function processTree(root: number): number[] {
  const pids = [root];
  for (const pid of pids) {
    const children = readProc(pid, `task/${pid}/children`) ?? '';
    pids.push(...children.trim().split(' ').filter(Boolean).map(Number));
  }
  return pids;
}

/** CPU time of a process and all below it, those that have ended included. */
export function cpuOfTree(root: number): number {
  return processTree(root).reduce((sum, pid) => sum + (readProcess(pid)?.cpuMs ?? 0), 0);
}

/** CPU time that all processes of the machine have taken since it started, its virtual neighbours' share included. */
export function machineCpuMs(): number {
  const total = /^cpu +(.+)$/m.exec(readFile('/proc/stat') ?? '')?.[1] ?? '';
  // user nice system idle iowait irq softirq steal; what follows is part of user already.
  const [user, nice, system, , , irq, softirq, steal] = total.split(' ').map(Number);
  return (
    [user, nice, system, irq, softirq, steal].reduce<number>((sum, n) => sum + (n ?? 0), 0) *
    TICK_MS
  );
}

/** Bytes that the process has read by system calls, from sockets and files alike; 0 where nobody may look. */
export function bytesRead(pid: number): number {
  return Number(/^rchar: (\d+)$/m.exec(readProc(pid, 'io') ?? '')?.[1] ?? 0);
}

function kilobytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0);
}

function readProc(pid: number, name: string): string | null {
  return readFile(`/proc/${pid}/${name}`);
}

function readFile(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return null;
    throw error;
  }
}
