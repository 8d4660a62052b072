/** A statement for one row, whose parameters travel as the values of tuples do: i32 length, then that many bytes. */
export interface RowStatement {
  sql: string;
  /** Of each parameter. */
  encodings: ('binary' | 'text')[];
  /** A row of the key that was there before, as a FROM clause, where the statement itself does not tell. */
  there?: string;
  /** It puts a row into the place of itself: neither is to act on what refers to the row. */
  replaces?: true;
}

export interface BoundRow {
  statement: RowStatement;
  /** Together the parameters in their order. */
  values: Buffer[];
}
