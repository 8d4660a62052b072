import type { Relation } from '../../shared/change/relation.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import type { Row, Value } from './row.ts';

/** Ends a pipeline at a row that a step could not do: which step, why, where, and no value but the key's. */
export function failedRow(
  { namespace, columns, key, identity }: Relation,
  values: readonly Value[],
  { failure, kind }: Pick<Row, 'failure' | 'kind'>,
  position: string | null,
): WeirError {
  const which =
    identity === 'key'
      ? `the row with ${key.map((place) => `${columns[place]!.name} = ${textOf(values[place])}`).join(', ')}`
      : 'a row that no key tells from others';
  const when = kind === 'copy' ? 'which came with the copy' : `changed at ${position ?? '?'}`;
  return new WeirError(
    'TRANSFORM_FAILED',
    `${failure ?? 'a step failed'}; it is ${which}, ${when}, of ${namespace}: correct the step in the pipeline file (weir transform test tries it), or the row at the source, then start the pipeline again`,
    { details: { namespace } },
  );
}

function textOf(value: Value): string {
  return value === null || value === undefined ? 'NULL' : value.toString('utf8');
}
