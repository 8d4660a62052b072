import { WeirError } from '../../../shared/errors/weir-error.ts';
import { toPostgresError } from './postgres-error.ts';

/**
 * What the target answered to a row of `namespace`, without values. A missing partition may still be on its way, so
 * it is waited for; everything else about the row needs a person.
 */
export function toRowError(error: unknown, namespace: string): WeirError {
  const found = toPostgresError(error, `writing to ${namespace} at the target`);
  if (found === error) return found;
  if (/no partition of relation .* found for row/.test(found.message))
    return new WeirError(
      'TARGET_NOT_READY',
      `${namespace} at the target has no partition for a row yet; it is made when the source's partitions are next compared, or create it there`,
      { cause: found.cause },
    );
  if (found.code !== 'ROW_REFUSED') return found;
  return new WeirError(
    'ROW_REFUSED',
    `${found.message} Correct what refuses it at the target, such as that constraint or type, then start the pipeline again.`,
    { cause: found.cause, details: { ...found.details, reason: found.message } },
  );
}
