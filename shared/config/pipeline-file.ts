import { readFile } from 'node:fs/promises';
import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { WeirError } from '../errors/weir-error.ts';
import { closestName } from './closest-name.ts';
import { parseDuration } from './duration.ts';
import { interpolateAll, lineOf } from './pipeline-document.ts';
import { pipelineProblems, type PipelineProblem } from './pipeline-rules.ts';
import { keysAllowedAt, PIPELINE_SCHEMA, type PipelineForm } from './pipeline-schema.ts';
import { COPY_LANES, defaultWorkers, type PipelineSpec } from './pipeline-spec.ts';
import { DEFAULTS } from './pipeline-defaults.ts';
import { Secret } from './secret.ts';
import { type ReadTransforms, readNoTransforms, type TransformStep } from './transform-step.ts';
import { natsUrlProblem, type UrlSchemes } from './url-scheme.ts';

export interface PipelineFileOptions {
  /** For messages. */
  file: string;
  env: Readonly<Record<string, string | undefined>>;
  schemes: UrlSchemes;
  /** None may be there where left out. */
  readTransforms?: ReadTransforms | undefined;
}

/** What a pipeline file may name, which the core does not know. */
export interface PipelineParts {
  /** Which stores a URL may name. */
  schemes: UrlSchemes;
  /** Which steps `transforms` may have, asked for where a file has any, as it takes a while to load them all. */
  loadTransforms: () => Promise<ReadTransforms>;
}

/** Reads a pipeline file; throws CONFIG_INVALID with all its problems at once. */
export async function readPipelineFile(path: string, parts: PipelineParts): Promise<PipelineSpec> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    const why = reason === 'ENOENT' ? 'there is no such file' : `it cannot be read (${reason})`;
    throw new WeirError('CONFIG_INVALID', `${path}: ${why}; name a pipeline file`, { cause });
  }
  const readTransforms = text.includes('transforms') ? await parts.loadTransforms() : undefined;
  const { schemes } = parts;
  return parsePipelineFile(text, { file: path, env: process.env, schemes, readTransforms });
}

/** Parses a pipeline file; throws CONFIG_INVALID with all its problems at once, each with its line. */
export function parsePipelineFile(text: string, options: PipelineFileOptions): PipelineSpec {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0)
    throw invalid(
      options.file,
      document.errors.map((error) => ({
        line: lines.linePos(error.pos[0]).line,
        text: `is not valid YAML: ${error.message}`,
      })),
    );
  if (document.contents === null)
    throw invalid(options.file, [
      { line: 1, text: `is empty; it needs at least name, source and target` },
    ]);

  const problems = interpolateAll(document, options.env);
  const unread = new Set(problems.map((problem) => pathText(problem.path)));
  const raw: unknown = document.toJS();
  const parsed = PIPELINE_SCHEMA.safeParse(raw);
  const further = parsed.success ? [] : parsed.error.issues.flatMap((i) => formProblems(i, raw));
  if (isObject(raw))
    further.push(...pipelineProblems(raw as Partial<PipelineForm>, options.schemes));
  const listed = isObject(raw) && Array.isArray(raw['transforms']) ? raw['transforms'] : [];
  const transforms = (options.readTransforms ?? readNoTransforms)(listed);
  for (const { path, message } of transforms.problems)
    further.push({ path: ['transforms', ...path], message });
  // A value whose variable is missing is not judged further: the one problem says it all.
  problems.push(...further.filter((problem) => !unread.has(pathText(problem.path))));
  if (!parsed.success || problems.length > 0)
    throw invalid(
      options.file,
      problems.map(({ path, message }) => ({
        line: lineOf(document, lines, path),
        text: path.length === 0 ? message : `${pathText(path)} ${message}`,
      })),
    );
  return toSpec(parsed.data, transforms.steps, options.env);
}

function toSpec(
  form: PipelineForm,
  transforms: readonly TransformStep[],
  env: PipelineFileOptions['env'],
): PipelineSpec {
  const fromEnvironment = env['WEIR_NATS_URL'] === '' ? undefined : env['WEIR_NATS_URL'];
  const problem = fromEnvironment === undefined ? null : natsUrlProblem(fromEnvironment);
  if (form.nats === undefined && problem !== null)
    throw new WeirError('CONFIG_INVALID', `the environment variable WEIR_NATS_URL ${problem}`);
  const nats = form.nats?.url ?? fromEnvironment;
  return {
    ...form,
    source: {
      url: new Secret(form.source.url),
      namespaces: form.source.namespaces,
      retention: {
        limitBytes: form.source.retention?.limit ?? null,
        onLimit: form.source.retention?.onLimit ?? DEFAULTS.onLimit,
        warnWithinMs: form.source.retention?.warnWithin ?? parseDuration(DEFAULTS.warnWithin)!,
      },
      onWaitingDdl: form.source.onWaitingDdl,
    },
    target: { url: new Secret(form.target.url), create: form.target.create },
    lanes: form.order === 'transaction' ? 1 : form.lanes,
    copyLanes: form.order === 'transaction' ? COPY_LANES : form.lanes,
    transforms,
    workers: form.workers ?? defaultWorkers(),
    nats: { url: nats === undefined ? null : new Secret(nats) },
  };
}

function formProblems(issue: z.core.$ZodIssue, raw: unknown): PipelineProblem[] {
  if (issue.code !== 'unrecognized_keys') {
    const isMissing = issue.code === 'invalid_type' && valueAt(raw, issue.path) === undefined;
    const message = isMissing ? `is missing; it ${issue.message}` : issue.message;
    return [{ path: issue.path, message }];
  }
  const allowed = keysAllowedAt(issue.path);
  return issue.keys.map((key) => {
    const near = closestName(key, allowed);
    const hint = near === undefined ? '' : `did you mean ${near}? `;
    return {
      path: [...issue.path, key],
      message: `is not a key of this file; ${hint}allowed here: ${allowed.join(', ')}`,
    };
  });
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  let value = raw;
  for (const step of path) {
    if (Array.isArray(value)) value = value[Number(step)];
    else value = isObject(value) ? value[String(step)] : undefined;
  }
  return value;
}

function pathText(path: readonly PropertyKey[]): string {
  return path.map(String).join('.');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(file: string, problems: { line: number; text: string }[]): WeirError {
  const sorted = [...problems].sort((a, b) => a.line - b.line);
  const listed = sorted.map(({ line, text }) => `${file}:${line}: ${text}`);
  const message =
    listed.length === 1
      ? listed[0]!
      : `${file} has ${listed.length} problems:\n  ${listed.join('\n  ')}`;
  return new WeirError('CONFIG_INVALID', message, { details: { problems: sorted.length } });
}
