import { WeirError } from '../../../../shared/errors/weir-error.ts';
import { isWithoutPartition, toPostgresError } from './postgres-error.ts';

/**
 * What the target answered to a row of `namespace`, without values. A missing partition may still be on its way, so
 * it is waited for; everything else about the row needs a person.
 */
export function toRowError(error: unknown, namespace: string): WeirError {
  const found = toPostgresError(error, `writing to ${namespace} at the target`);
  if (found === error) return found;
  if (isWithoutPartition(error))
    return new WeirError(
      'TARGET_NOT_READY',
      `${namespace} at the target has no partition for a row yet; it is made when the source's partitions are next compared, or create it there`,
      { cause: found.cause },
    );
  const { raisedBy } = found.details;
  const isRaised = typeof raisedBy === 'string' && !found.retryable;
  if (found.code !== 'ROW_REFUSED' && !isRaised) return found;
  const reason = isRaised ? `${found.message}${unqualified(found, raisedBy)}` : found.message;
  return new WeirError(
    'ROW_REFUSED',
    `${reason} Correct what refuses it at the target, such as that constraint or type, then start the pipeline again.`,
    { cause: found.cause, details: { ...found.details, reason } },
  );
}

/** Something that is named is not found. */
const NOT_FOUND = /^(42P01|42703|42883|42704|3F000)$/;

function unqualified({ details }: WeirError, name: string): string {
  if (typeof details.sqlState !== 'string' || !NOT_FOUND.test(details.sqlState)) return '';
  return ` Rows are written with an empty search_path, so a function that a check, a default, an index or a generated column calls must say where its names are; run at the target ALTER FUNCTION ${name} SET search_path = public, pg_temp, with the schemas that it means.`;
}
