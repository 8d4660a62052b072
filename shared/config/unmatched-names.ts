import { WeirError } from '../errors/weir-error.ts';
import { parseNamespacePattern } from './namespace-pattern.ts';
import type { PipelineSpec } from './pipeline-spec.ts';

/** Globs that no namespace matches. */
export function unmatchedPatterns(
  patterns: readonly string[] | undefined,
  namespaces: readonly string[],
): string[] {
  return (patterns ?? []).filter((text) => {
    const pattern = parseNamespacePattern(text);
    return !namespaces.some((namespace) => pattern.matches(namespace));
  });
}

/** Throws SOURCE_UNFIT with the globs of `source.namespaces` that match nothing, where others do. */
export function requirePatternsMatch(
  patterns: readonly string[] | undefined,
  namespaces: readonly string[],
): void {
  const unmatched = unmatchedPatterns(patterns, namespaces);
  if (unmatched.length === 0 || unmatched.length === patterns?.length) return;
  throw new WeirError(
    'SOURCE_UNFIT',
    `source.namespaces has ${unmatched.join(', ')}, which no namespace of the source matches; correct or remove it`,
  );
}

/**
 * What `map` and `transforms` say of namespaces that the pipeline does not have, a sentence each: most likely a slip, by
 * which rows go where nobody wants them, or go as nobody wants them. `parts`: names that `map` may have besides, such as
 * those of partitions.
 */
export function unmatchedNames(
  { map, transforms }: Pick<PipelineSpec, 'map' | 'transforms'>,
  namespaces: readonly string[],
  parts: readonly string[],
): { subject: string; message: string }[] {
  const known = new Set([...namespaces, ...parts]);
  const renamed = Object.keys(map).filter((name) => !known.has(name));
  return [
    ...renamed.map((name) => ({
      subject: 'map',
      message: `renames ${name}, which is not among the namespaces of this pipeline; correct or remove it`,
    })),
    ...transforms.flatMap(({ kind, on }, i) =>
      unmatchedPatterns(on, namespaces).map((pattern) => ({
        subject: `transforms[${i}].on`,
        message: `has ${pattern} for the step ${kind}, which no namespace of this pipeline matches; correct or remove it`,
      })),
    ),
  ];
}
