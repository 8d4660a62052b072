import type { TupleWriter } from './tuple-writer.ts';

/** Writes the canonical form of the value that begins at `at` of a row image, and says where it ends. */
export type ColumnReader = (bytes: Buffer, at: number, out: TupleWriter) => number;
