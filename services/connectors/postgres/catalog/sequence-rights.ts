/**
 * SQL: whether this role has the right on the sequence with that OID; false of what is no sequence. The server raises
 * an error for that instead, and where the condition stands beside a join, the planner may ask of every relation there is
 * before the join has left only sequences.
 */
export function maySequence(oid: string, right: 'SELECT' | 'UPDATE'): string {
  return `coalesce((SELECT CASE WHEN k.relkind = 'S' THEN has_sequence_privilege(k.oid, '${right}') END
    FROM pg_catalog.pg_class k WHERE k.oid = ${oid}), false)`;
}
