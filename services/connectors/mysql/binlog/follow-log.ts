import { randomUUID } from 'node:crypto';
import type { MysqlConnection } from '../connection/connection.ts';
import { toMysqlError } from '../connection/mysql-error.ts';
import { BinlogDump, type DumpOptions } from './binlog-dump.ts';
import { type LogEvent, LogReader } from './log-reader.ts';

const NANOSECONDS = 1_000_000;

export interface FollowOptions extends DumpOptions {
  /** How often the server tells an idle reader how far its log goes. */
  heartbeatMs: number;
}

/**
 * Reads the log of a server over a connection that is used for nothing else afterwards, and closed by its owner: that is
 * also what ends it.
 */
export async function followLog(
  connection: MysqlConnection,
  { heartbeatMs, ...options }: FollowOptions,
  receive: (event: LogEvent, reader: LogReader) => void,
): Promise<void> {
  const period = heartbeatMs * NANOSECONDS;
  const uuid = randomUUID();
  // Each server knows one name of each, and ignores the other.
  const variables = {
    ...{ master_binlog_checksum: "'CRC32'", source_binlog_checksum: "'CRC32'" },
    ...{ master_heartbeat_period: period, source_heartbeat_period: period },
    ...{ slave_uuid: `'${uuid}'`, replica_uuid: `'${uuid}'` },
    // Of MariaDB: GTIDs as events of their own.
    mariadb_slave_capability: 4,
  };
  const assignments = Object.entries(variables).map(([name, value]) => `@${name} = ${value}`);
  await connection.run('asking for the log', `SET ${assignments.join(', ')}`);
  const reader = new LogReader();
  const dump = new BinlogDump(options, (bytes) => {
    const event = reader.read(bytes);
    if (event !== null) receive(event, reader);
  });
  connection.give(dump);
  try {
    await dump.done;
  } catch (error) {
    throw toMysqlError(error, `reading the log of ${connection.where}`);
  }
}
