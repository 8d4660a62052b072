import type { ReplicaIdentity } from '../../catalog/table-list.ts';

/** A Relation message: the shape of a table at this point of the log. */
export interface RelationMessage {
  oid: number;
  schema: string;
  name: string;
  replicaIdentity: ReplicaIdentity;
  columns: RelationMessageColumn[];
}

export interface RelationMessageColumn {
  name: string;
  typeOid: number;
  typmod: number;
  /** Part of the replica identity (all are, with FULL). */
  isKey: boolean;
}

/** Parses the message whose type byte is at `at`. */
export function parseRelationMessage(source: Buffer, at: number): RelationMessage {
  let next = at + 1;
  const text = (): string => {
    const end = source.indexOf(0, next);
    const value = source.toString('utf8', next, end);
    next = end + 1;
    return value;
  };
  const oid = source.readUInt32BE(next);
  next += 4;
  const schema = text();
  const name = text();
  const replicaIdentity = String.fromCharCode(source[next]!) as ReplicaIdentity;
  const count = source.readUInt16BE(next + 1);
  next += 3;
  const columns: RelationMessageColumn[] = [];
  for (let i = 0; i < count; i++) {
    const isKey = (source[next]! & 1) === 1;
    next++;
    const column = text();
    const typeOid = source.readUInt32BE(next);
    const typmod = source.readInt32BE(next + 4);
    next += 8;
    columns.push({ name: column, typeOid, typmod, isKey });
  }
  // An empty schema stands for pg_catalog.
  return { oid, schema: schema === '' ? 'pg_catalog' : schema, name, replicaIdentity, columns };
}
