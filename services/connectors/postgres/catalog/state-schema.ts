/** Where a target keeps what it knows of its pipelines. */
export const STATE_SCHEMA = 'weir';

export const STATE_TABLES = 'pipeline namespace chunk lane count filtered unmet sequence parked discarded'.split(' '); // prettier-ignore

/** SQL: whether the class `c` is one of the state's tables: each says of which pipeline it speaks. */
export const IS_STATE = `c.relname = ANY ('{${STATE_TABLES.join()}}') AND c.relkind = 'r' AND EXISTS (
  SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attname = CASE c.relname WHEN 'pipeline' THEN 'reader_epoch' ELSE 'pipeline' END)`;
