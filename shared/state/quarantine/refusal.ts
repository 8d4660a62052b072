import { WeirError } from '../../errors/weir-error.ts';
import type { Aside } from './aside.ts';

/** Why the target refused a row, without advice and without values. */
export function reasonOf(error: WeirError): string {
  const { reason } = error.details;
  return typeof reason === 'string' ? reason : error.message;
}

/** Ends a pipeline at a row: what refuses it, where it is, its key, and none of its other values. */
export function refusedRowError(
  { relation, reason, position, copied }: Aside,
  key: Readonly<Record<string, string>> | null,
): WeirError {
  const which =
    key === null
      ? 'It is a row of a table without a key'
      : `It is the row with ${Object.entries(key)
          .map(([name, value]) => `${name} = ${value}`)
          .join(', ')}`;
  return new WeirError(
    'ROW_REFUSED',
    `${reason} ${which}, ${copied ? 'which came with the copy' : `changed at source position ${position}`}, of ${relation.namespace}. Correct what refuses it at the target, such as that constraint or type, then start the pipeline again, or set "onBadRow: park".`,
    { details: { namespace: relation.namespace, position } },
  );
}
