import { type LogicalType, unknownKind } from './logical-type.ts';

/** As people read it: SQL's name where there is one (`parseTypeName` reads it back), else what it is. */
export function showType(type: LogicalType): string {
  switch (type.kind) {
    case 'boolean':
    case 'date':
    case 'interval':
    case 'uuid':
    case 'document':
      return type.kind;
    case 'integer':
      return showInteger(type.bits, type.signed);
    case 'float':
      return type.bits === 32 ? 'real' : 'double precision';
    case 'decimal':
      return type.precision === null
        ? 'numeric'
        : `numeric(${type.precision}${type.scale === null ? '' : `,${type.scale}`})`;
    case 'string':
      if (type.length === null) return type.fixed ? 'padded text' : 'text';
      return `${type.fixed ? 'character' : 'character varying'}(${type.length})`;
    case 'bytes':
      if (type.length === null) return 'bytea';
      return `${type.fixed ? 'binary' : 'varbinary'}(${type.length})`;
    case 'time':
      if (type.duration) return `time(${type.precision}) beyond a day`;
      return `time(${type.precision}) ${type.zone ? 'with' : 'without'} time zone`;
    case 'timestamp':
      return `timestamp(${type.precision}) ${type.zone ? 'with' : 'without'} time zone`;
    case 'json':
      return type.exact ? 'json' : 'jsonb';
    case 'enum':
      return type.name === null ? 'enum' : `enum ${type.name}`;
    case 'set':
      return 'set';
    case 'bits':
      if (!type.varying) return `bit(${type.length ?? 1})`;
      return type.length === null ? 'bit varying' : `bit varying(${type.length})`;
    case 'array':
      return `${showType(type.element)}[]`;
    case 'objectId':
      return 'object id';
    case 'geometry':
      return type.shape === null ? 'geometry' : `geometry ${type.shape}`;
    case 'vector':
      return type.dimensions === null ? 'vector' : `vector(${type.dimensions})`;
    case 'other':
      return type.store === null ? type.name : `${type.name} of ${type.store}`;
    default:
      return unknownKind(type);
  }
}

function showInteger(bits: number, signed: boolean): string {
  const sql = { 16: 'smallint', 32: 'integer', 64: 'bigint' }[bits];
  if (sql !== undefined) return signed ? sql : `${sql} unsigned`;
  return `integer of ${bits} bits${signed ? '' : ' unsigned'}`;
}
