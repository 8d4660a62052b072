import type { Relation } from '../../shared/change/relation.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import type { Chain } from './chain.ts';
import { createRow, type Row, type Value, writeKey } from './row.ts';

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

/**
 * The bare keys of the rows that the target would get, for rows that a step failed for: what steps do to a key rests on
 * the key alone, as for a delete. Undefined where that fails, too, so that nobody could tell what waits behind the row.
 */
export async function targetKeys(
  chain: Chain,
  rows: readonly (readonly Value[])[],
): Promise<(Buffer | null | undefined)[]> {
  const { source, relation } = chain;
  if (relation.identity !== 'key') return rows.map(() => null);
  const keys = rows.map((values) => {
    const bare = values.map((value, place) => (source.key.includes(place) ? value : undefined));
    return createRow('delete', bare, true);
  });
  if (keys.length > 0) await chain.run(keys);
  return keys.map(({ failure, values }) =>
    failure === null ? writeKey(relation.key.map((place) => values[place])) : undefined,
  );
}

function textOf(value: Value): string {
  return value === null || value === undefined ? 'NULL' : value.toString('utf8');
}
