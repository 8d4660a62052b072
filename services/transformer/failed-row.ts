import { WeirError } from '../../shared/errors/weir-error.ts';
import type { Chain } from './chain.ts';
import type { Row } from './row.ts';

/** Ends a pipeline at a row that a step could not do: which step, why, where, and no value but the key's. */
export function failedRow(
  chain: Chain,
  row: Row,
  failure: string | null,
  position: string | null,
): WeirError {
  const { namespace, identity } = chain.source;
  const which =
    identity === 'key'
      ? `the row with ${chain.form.describeKey(keyOf(chain, row))}`
      : 'a row of a table without a key';
  const when = row.kind === 'copy' ? 'which came with the copy' : `changed at ${position ?? '?'}`;
  return new WeirError(
    'TRANSFORM_FAILED',
    `${failure ?? 'a step failed'}; it is ${which}, ${when}, of ${namespace}: correct the step in the pipeline file (weir transform test tries it), or the row at the source, then start the pipeline again`,
    { details: { namespace } },
  );
}

/**
 * The bare keys that rows have at the target, of rows that have nothing but their keys: what steps do to a key rests on
 * the key alone. Undefined where a step fails for that, too, so that nobody could tell what waits behind the row.
 */
export async function targetKeys(
  chain: Chain,
  keys: readonly Row[],
): Promise<(Buffer | null | undefined)[]> {
  if (chain.relation.identity !== 'key') return keys.map(() => null);
  if (keys.length > 0) await chain.run(keys);
  return keys.map((row) => (row.failure === null ? chain.form.writeKey(row) : undefined));
}

/** The row's key alone, as it came. */
export function keyOf({ form }: Chain, { keyOnly, came }: Row): Row {
  return keyOnly ? form.readKey(came) : form.keyAlone(came);
}
