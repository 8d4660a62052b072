import { WeirError } from '../errors/weir-error.ts';
import { keyText } from './key-text.ts';
import type { Relation } from './relation.ts';

const inMiB = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;

/** Ends a pipeline at a row that no lane can carry. `key` is null where its rows have none, or it is not known. */
export function rowTooLarge(
  relation: Relation,
  key: Buffer | null,
  bytes: number,
  mostBytes: number,
): WeirError {
  const which = key === null || relation.identity !== 'key' ? '' : ` (${keyText(relation, key)})`;
  // Lanes come in sizes that are easy to say.
  const laneMib = Math.ceil((bytes * 16) / 15 / 2 ** 20 / 64 + 1) * 64;
  return new WeirError(
    'ROW_TOO_LARGE',
    `a row of ${relation.namespace}${which} takes ${inMiB(bytes)} on its way, and a lane carries rows of up to ${inMiB(mostBytes)}: start the source-reader with WEIR_LANE_MIB=${laneMib} in its environment (it then takes up to seven times the row in memory, a writer four times), or leave the table out with source.namespaces; it goes on at this row`,
    { details: { namespace: relation.namespace } },
  );
}
