/**
 * A value as expressions and modules see it; of a row numbers of any precision, times and all other types are text. Of a
 * document there are instants, bytes, lists and maps, too.
 */
export type FieldValue =
  | boolean
  | bigint
  | number
  | string
  | null
  | Date
  | Uint8Array
  | FieldValue[]
  | { [name: string]: FieldValue };
