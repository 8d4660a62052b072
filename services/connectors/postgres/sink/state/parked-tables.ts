/**
 * Where refused rows are put aside. `lane.parked` says, on every lane of a pipeline, that it may have some: whoever
 * parks the first row sets it and whoever takes the last one out clears it, holding all lanes. So a lane that reads it
 * in its own row, in its own transaction, reads the truth.
 *
 * `chain` is what entries of one key have in common (`change-unit.ts` of the quarantine); an entry that concerns a second key, a row
 * that moves, has that one's chain in `also`. Ids order the entries of a chain, because they are given while its lane
 * is held. Where `source` is not null a step of the transforms failed for the row: `tuple` has the shape `source`, and
 * `key` is the one that the row would have at the target (of a move, had), which `relation` and `chain` are about.
 * `elsewhere`: relations in which a row of that key may be that has to go when the entry is applied.
 */
export const PARKED_TABLES = `
ALTER TABLE weir.lane ADD COLUMN IF NOT EXISTS parked boolean NOT NULL DEFAULT false;
ALTER TABLE weir.chunk ADD COLUMN IF NOT EXISTS careful boolean NOT NULL DEFAULT false;
CREATE TABLE IF NOT EXISTS weir.parked (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pipeline text NOT NULL REFERENCES weir.pipeline ON DELETE CASCADE,
  namespace text NOT NULL,
  relation jsonb NOT NULL,
  shape text COLLATE "C" NOT NULL,
  chain bytea,
  also bytea,
  kind text NOT NULL,
  key bytea,
  tuple bytea,
  copied boolean NOT NULL,
  position text COLLATE "C" NOT NULL,
  inserts bigint NOT NULL,
  updates bigint NOT NULL,
  deletes bigint NOT NULL,
  reason text NOT NULL,
  parked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE weir.parked ADD COLUMN IF NOT EXISTS source jsonb;
ALTER TABLE weir.parked ADD COLUMN IF NOT EXISTS elsewhere jsonb;
CREATE INDEX IF NOT EXISTS parked_chain ON weir.parked (pipeline, chain, id);
CREATE INDEX IF NOT EXISTS parked_also ON weir.parked (pipeline, also, id) WHERE also IS NOT NULL;
CREATE INDEX IF NOT EXISTS parked_shape ON weir.parked (pipeline, namespace, shape, id);
CREATE TABLE IF NOT EXISTS weir.discarded (
  pipeline text NOT NULL REFERENCES weir.pipeline ON DELETE CASCADE,
  namespace text NOT NULL,
  inserts bigint NOT NULL,
  updates bigint NOT NULL,
  deletes bigint NOT NULL,
  truncates bigint NOT NULL,
  PRIMARY KEY (pipeline, namespace)
);
`;
