import path from 'node:path';
import { parseArgs } from 'node:util';
import { WeirError } from '../../shared/errors/weir-error.ts';

export interface BenchArguments {
  /** Cases to run, in this order. */
  cases: string[];
  rounds: number;
  /** Of the sizes: 1 is the size that the goals are stated for. */
  scale: number;
  /** How many rows or changes instead, in every case. */
  rows: number | undefined;
  /** Where the figures go as JSON, too. */
  jsonFile: string | undefined;
  /** Set: one run of the pipeline under the CPU profiler, no baselines, and the profiles stay in that directory. */
  profileDirectory: string | undefined;
  /** Lines for the pipeline file, over its defaults, as `readers: 4`. */
  settings: string[];
}

/** The size of a case: what the command line says, else the usual one times the scale. */
export function sizeOf({ rows, scale }: BenchArguments, usual: number): number {
  return rows ?? Math.round(usual * scale);
}

/** Reads the command line; `known` are the cases there are, `usual` those that run when none is named. */
export function parseBenchArguments(
  argv: readonly string[],
  known: readonly string[],
  usual: readonly string[],
): BenchArguments {
  const { values, positionals } = parse(argv);
  for (const name of positionals)
    if (!known.includes(name)) throw invalid(`there is no case "${name}"; ${listOf(known)}`);
  return {
    cases: positionals.length === 0 ? [...usual] : positionals,
    rounds: Math.ceil(positive('--rounds', values.rounds ?? '3')),
    scale: positive('--scale', values.scale ?? '1'),
    rows: values.rows === undefined ? undefined : Math.ceil(positive('--rows', values.rows)),
    jsonFile: values.json,
    profileDirectory:
      values.profile === true || values['profile-directory'] !== undefined
        ? path.resolve(values['profile-directory'] ?? '.weir/profiles')
        : undefined,
    settings: (values.set ?? []).map(toPipelineLine),
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        rounds: { type: 'string' },
        scale: { type: 'string' },
        json: { type: 'string' },
        rows: { type: 'string' },
        profile: { type: 'boolean' },
        'profile-directory': { type: 'string' },
        set: { type: 'string', multiple: true },
      },
    });
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw invalid(`${flag} is ${text}, which is not a number above 0`);
}

function toPipelineLine(setting: string): string {
  const [, key, value] = /^(\w+)=(.+)$/.exec(setting) ?? [];
  if (key === undefined || value === undefined)
    throw invalid(`--set ${setting} is not of the form key=value`);
  return `${key}: ${value}`;
}

function listOf(known: readonly string[]): string {
  return `the cases are ${known.join(', ')}`;
}

function invalid(message: string): WeirError {
  return new WeirError('CONFIG_INVALID', message);
}
