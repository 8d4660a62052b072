/**
 * What values a column holds, in terms that every store can answer in. Closed: whoever decides something by the kind of a
 * type does so with an exhaustive switch, so that a new kind cannot be passed over anywhere. A store turns its own types
 * into these (`to-logical.ts`) and says which of its types holds one of them (`to-native.ts`); the canonical form of a
 * value follows from its logical type alone.
 */
export type LogicalType =
  | { kind: 'boolean' }
  /** A whole number of so many bits; `year` of MySQL is one of 16. */
  | { kind: 'integer'; bits: 8 | 16 | 24 | 32 | 64; signed: boolean }
  /** IEEE 754: with NaN, infinities and -0 where the store has them. */
  | { kind: 'float'; bits: 32 | 64 }
  /** `precision` digits in all, `scale` of them behind the point (or, negative, before it); null: any number of them. */
  | { kind: 'decimal'; precision: number | null; scale: number | null }
  /** Unicode text. `length` in characters, null where there is no limit; `fixed`: padded with spaces up to it. */
  | { kind: 'string'; length: number | null; fixed: boolean; comparison: Comparison }
  /** `length` in bytes; `fixed`: always so many. */
  | { kind: 'bytes'; length: number | null; fixed: boolean }
  | { kind: 'date' }
  /** Of a day; `duration`: the store lets it go beyond and be negative. `zone`: with an offset from UTC of its own. */
  | { kind: 'time'; precision: number; zone: boolean; duration: boolean }
  /** `zone`: an instant. Else what a clock on a wall shows, in no zone. `precision`: digits of the second's fraction. */
  | { kind: 'timestamp'; precision: number; zone: boolean }
  | { kind: 'interval' }
  | { kind: 'uuid' }
  /** `exact`: the text is kept as it was written; else it is the document that counts. */
  | { kind: 'json'; exact: boolean }
  /** `name`: of the type, where the store names it. */
  | { kind: 'enum'; name: string | null; labels: readonly string[] }
  /** Any number of the labels, each once. */
  | { kind: 'set'; labels: readonly string[] }
  /** `varying`: up to `length` bits (any number where it is null). */
  | { kind: 'bits'; length: number | null; varying: boolean }
  | { kind: 'array'; element: LogicalType }
  /** A BSON document. */
  | { kind: 'document' }
  /** 12 bytes, as MongoDB makes them. */
  | { kind: 'objectId' }
  /** `shape`: e.g. `point`, null where any is allowed; `srid`: of its coordinate system, null where it is not fixed. */
  | { kind: 'geometry'; shape: string | null; srid: number | null }
  | { kind: 'vector'; dimensions: number | null }
  /** What only the named kind of store understands, as text; null: nobody said whose name it is. */
  | { kind: 'other'; store: string | null; name: string };

export type LogicalKind = LogicalType['kind'];

/**
 * When two texts of a column are equal to its store. `bytes`: when their bytes are. `padded`: when they are but for spaces
 * at their end. `folded`: under some rule that takes different texts for one, such as a collation that ignores case.
 */
export type Comparison = 'bytes' | 'padded' | 'folded';

/** For the end of an exhaustive switch. */
export function unknownKind(type: never): never {
  throw new TypeError(`no such logical type: ${JSON.stringify(type)}`);
}
