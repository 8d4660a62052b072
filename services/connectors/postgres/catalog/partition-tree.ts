/**
 * A partitioned table and all below it, as `pg_partition_tree` has them (relid, parentrelid, level, isleaf), for the FROM
 * of a query; nothing below any other table. That function locks the partitions and not their root, and keeps the locks:
 * whoever alters the table locks the root first, and one of both ends in a deadlock. This locks nothing.
 */
export function partitionTree(root: string): string {
  return `(
    WITH RECURSIVE tree(relid, parentrelid, level) AS (
      SELECT ${root}::oid, NULL::oid, 0
      UNION ALL
      SELECT i.inhrelid, i.inhparent, tree.level + 1
      FROM tree JOIN pg_catalog.pg_class parent ON parent.oid = tree.relid AND parent.relkind = 'p'
      JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.relid
    )
    SELECT tree.*, each.relkind <> 'p' AS isleaf
    FROM tree JOIN pg_catalog.pg_class each ON each.oid = tree.relid)`;
}
