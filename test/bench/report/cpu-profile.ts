import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { projectRoot } from '../../../services/supervisor/embedded/project-root.ts';
import { sourcePlace } from './source-place.ts';

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
  columnNumber: number;
}

interface Stack {
  frame: CallFrame;
  parent: number | undefined;
}

const TOP = 20;
/** What V8 counts as a function although the process only waits. */
const WAITING = ['(idle)', '(program)'];

/**
 * Where each process spent its time: by the function that ran, and by our function that had it run (libraries,
 * runtime and garbage included where there is one on the stack). Wall-clock samples: on a busy machine all are larger.
 */
export async function describeProfiles(directory: string): Promise<string[]> {
  const lines: string[] = [];
  for (const name of (await readdir(directory)).sort()) {
    const profile = JSON.parse(await readFile(path.join(directory, name), 'utf8')) as CpuProfile;
    lines.push('', ...describeProfile(path.basename(name, '.cpuprofile'), profile));
  }
  return lines;
}

function describeProfile(name: string, profile: CpuProfile): string[] {
  const stacks = stacksOf(profile);
  const times = [...selfTimes(profile)].filter(
    ([id]) => !WAITING.includes(stacks.get(id)?.frame.functionName ?? ''),
  );
  const busyUs = times.reduce((sum, [, us]) => sum + us, 0);
  const list = (placeOfNode: (id: number) => string): string[] =>
    largest(times.map(([id, us]) => [placeOfNode(id), us])).map(
      ([place, us]) =>
        `  ${`${((100 * us) / busyUs).toFixed(1)} %`.padStart(7)}  ${(us / 1e6).toFixed(2)} s  ${place}`,
    );
  return [
    `${name}: busy for ${(busyUs / 1e6).toFixed(2)} s; by function`,
    ...list((id) => placeOf(stacks.get(id)?.frame)),
    `${name}: by file`,
    ...list((id) => fileOf(stacks.get(id)?.frame)),
    `${name}: by our function that called`,
    ...list((id) => ownPlace(stacks, id)),
  ];
}

function stacksOf({ nodes }: CpuProfile): Map<number, Stack> {
  const stacks = new Map<number, Stack>();
  for (const { id, callFrame } of nodes) stacks.set(id, { frame: callFrame, parent: undefined });
  for (const { id, children } of nodes)
    for (const child of children ?? []) {
      const stack = stacks.get(child);
      if (stack !== undefined) stack.parent = id;
    }
  return stacks;
}

/** Microseconds by node. */
function selfTimes({ samples, timeDeltas }: CpuProfile): Map<number, number> {
  const times = new Map<number, number>();
  for (const [i, id] of samples.entries())
    // A delta is the time since the sample before; the one behind a sample is what it lasted.
    times.set(id, (times.get(id) ?? 0) + Math.max(0, timeDeltas[i + 1] ?? 0));
  return times;
}

function largest(parts: readonly (readonly [string, number])[]): [string, number][] {
  const sums = new Map<string, number>();
  for (const [place, us] of parts) sums.set(place, (sums.get(place) ?? 0) + us);
  return [...sums].sort(([, a], [, b]) => b - a).slice(0, TOP);
}

function ownPlace(stacks: ReadonlyMap<number, Stack>, id: number): string {
  for (let at = stacks.get(id); at !== undefined; at = stacks.get(at.parent ?? -1))
    if (isOurs(at.frame)) return placeOf(at.frame);
  return placeOf(stacks.get(id)?.frame);
}

function isOurs({ url }: CallFrame): boolean {
  return url.startsWith(`file://${projectRoot()}/dist/`);
}

function placeOf(frame: CallFrame | undefined): string {
  if (frame === undefined) return '(unknown)';
  const { functionName, url, lineNumber, columnNumber } = frame;
  const name = functionName === '' ? '(anonymous)' : functionName;
  const line = sourcePlace(url, lineNumber, columnNumber)?.line ?? lineNumber;
  return url === '' ? name : `${name}  ${fileOf(frame)}:${line + 1}`;
}

/** The runtime itself has files only for what is written in JavaScript. */
function fileOf(frame: CallFrame | undefined): string {
  if (frame === undefined || frame.url === '') return frame?.functionName ?? '(unknown)';
  const source = sourcePlace(frame.url, frame.lineNumber, frame.columnNumber);
  if (source !== null) return source.file;
  return frame.url.replace(`file://${projectRoot()}/`, '').replace(/^.*\/node_modules\//, '');
}
