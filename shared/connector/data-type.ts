/**
 * The form of data that stores of different kinds share: rows as tuples (`tuple.ts`) one after the other, every value
 * as text in UTF-8, the columns' types named as standard SQL names them: `boolean`, `integer`, `bigint`,
 * `double precision`, `numeric(p,s)`, `text`, `date`, `timestamp with time zone`. Text is what a person would write in
 * SQL, and the same value of a column always the same text: `true` or `t`, `-12.50`,
 * `2026-01-31 23:59:59.123456+00`. A type that SQL has no name for is text too, and means something to its store only.
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
