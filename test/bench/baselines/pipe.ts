import type { Measurement } from '../bench.ts';
import type { DataSet } from '../data/data-set.ts';
import type { MeteredServers } from '../measure/resource-meter.ts';
import { findPostgresTool, PSQL_OPTIONS, requirePsql } from '../psql.ts';
import { measureProgram } from './measure-program.ts';

const PSQL = `"$psql" ${PSQL_OPTIONS.join(' ')}`;
// A shell, because what Node calls a pipe is a pair of sockets.
const COPY_SCRIPT = `
psql=$1 from=$2 to=$3; shift 3
for table in "$@"; do
  ${PSQL} --command "COPY $table TO STDOUT (FORMAT binary)" "$from" |
    ${PSQL} --command "COPY $table FROM STDIN (FORMAT binary)" "$to" || exit 1
done`;
const DUMP_SCRIPT = `
psql=$1
"$2" --data-only "$3" | ${PSQL} "$4"`;

/** Copies each table into the existing, empty one at the target, whose key is maintained: the fastest that needs no dump. */
export function copyByPipe(
  sourceUrl: string,
  targetUrl: string,
  data: DataSet,
  servers: MeteredServers,
  signal: AbortSignal,
): Promise<Measurement> {
  const tables = data.tables.map(({ name }) => name);
  const args = ['-c', COPY_SCRIPT, 'copy-pipe', requirePsql(), sourceUrl, targetUrl, ...tables];
  return measureProgram({ name: 'psql', command: 'sh', args }, servers, signal);
}

/** All tables as one dump of data, from pg_dump straight into psql: two connections for however many tables. */
export function copyByDump(
  sourceUrl: string,
  targetUrl: string,
  servers: MeteredServers,
  signal: AbortSignal,
): Promise<Measurement> {
  const dump = findPostgresTool('pg_dump') ?? 'pg_dump';
  const args = ['-c', DUMP_SCRIPT, 'dump-pipe', requirePsql(), dump, sourceUrl, targetUrl];
  return measureProgram({ name: 'pg_dump and psql', command: 'sh', args }, servers, signal);
}
