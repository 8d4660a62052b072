/**
 * The form of data that stores of different kinds share: rows as tuples (`tuple.ts`) one after the other, every value
 * in the canonical form of its type (`shared/row/canonical/README.md`), which is text in UTF-8: the same value of a column is
 * always the same bytes. Types are named as standard SQL names them: `boolean`, `integer`, `numeric(p,s)`,
 * `timestamp with time zone`. A type that SQL has no name for is text too, and means something to its store only.
 *
 * A relation may have `definition: null`: a sink then makes what it needs of columns and key.
 */
export const TUPLES = 'weir.tuples';

/**
 * The other one: BSON documents, as tuples of a relation of two columns that is the same for all namespaces; see
 * `document-relation.ts`.
 */
export const DOCUMENTS = 'weir.documents';

/** Those that steps of a pipeline can be done to. */
export const TRANSFORMED: readonly string[] = [TUPLES, DOCUMENTS];

/** The first form of data that the source gives and the target takes as it is; null where there is none. */
export function commonDataType(
  given: readonly string[],
  taken: readonly string[] | 'any',
): string | null {
  return given.find((type) => taken === 'any' || taken.includes(type)) ?? null;
}
