import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { projectRoot } from '../../../services/cli/embedded/project-root.ts';

/** A .cpuprofile of V8, as far as it is used here (Chrome DevTools protocol, Profiler.Profile). */
interface CpuProfile {
  nodes: { id: number; callFrame: CallFrame; children?: number[] }[];
  samples: number[];
  timeDeltas: number[];
}

interface CallFrame {
  functionName: string;
  url: string;
  lineNumber: number;
}

const TOP = 25;
/** What V8 counts as a function although the process only waits. */
const WAITING = ['(idle)', '(program)'];

/** The functions that took the most time by themselves, for each process that left a profile. */
export async function describeProfiles(directory: string): Promise<string[]> {
  const lines: string[] = [];
  for (const name of (await readdir(directory)).sort()) {
    const profile = JSON.parse(await readFile(path.join(directory, name), 'utf8')) as CpuProfile;
    lines.push('', ...describeProfile(profile));
  }
  return lines;
}

function describeProfile(profile: CpuProfile): string[] {
  const own = selfTimes(profile);
  const total = [...own.values()].reduce((sum, us) => sum + us, 0);
  const busy = [...own].filter(([name]) => !WAITING.includes(name));
  const busyUs = busy.reduce((sum, [, us]) => sum + us, 0);
  const percent = (us: number): string => `${((100 * us) / busyUs).toFixed(1)} %`.padStart(7);
  return [
    `${processOf(profile)}: ${(busyUs / 1e6).toFixed(2)} s of ${(total / 1e6).toFixed(2)} s busy in JavaScript; self time`,
    ...busy
      .sort(([, a], [, b]) => b - a)
      .slice(0, TOP)
      .map(([name, us]) => `  ${percent(us)}  ${(us / 1e6).toFixed(2)} s  ${name}`),
  ];
}

/** Microseconds by function and place. */
function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): Map<string, number> {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
  const times = new Map<string, number>();
  for (const [i, id] of samples.entries()) {
    const name = names.get(id) ?? '(unknown)';
    // A delta is the time since the sample before; the one behind a sample is what it lasted.
    times.set(name, (times.get(name) ?? 0) + Math.max(0, timeDeltas[i + 1] ?? 0));
  }
  return times;
}

function placeOf({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return name;
  const file = url.replace(`file://${projectRoot()}/`, '').replace(/^.*\/node_modules\//, '');
  return `${name}  ${file}:${lineNumber + 1}`;
}

/** Which service it was, by the code that ran. */
function processOf({ nodes }: CpuProfile): string {
  const ran = (part: string): boolean =>
    nodes.some(({ callFrame }) => callFrame.url.includes(part));
  const functions = (part: string): number =>
    nodes.filter(({ callFrame }) => callFrame.url.includes(part)).length;
  if (ran('/supervisor/supervisor.js')) return 'weir run';
  return functions('/source-reader/') > functions('/target-writer/')
    ? 'source-reader'
    : 'target-writer';
}
