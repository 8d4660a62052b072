import type { ClientBase } from 'pg';
import type { Position } from '../../../../../shared/change/position.ts';
import type { ChunkHead, ChunkOutcome } from '../../../../../shared/connector/sink.ts';
import { TUPLES } from '../../../../../shared/connector/data-type.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import {
  type ChunkStanding,
  judgeChunk,
  markChunk,
} from '../../../../../shared/state/chunk-steps.ts';
import type { CopyIn } from '../../connection/copy-in.ts';
import { copyInto } from '../apply/change-statements.ts';
import { beginWithRows } from '../state/row-lock-takeover.ts';
import {
  hasParked,
  loadIsolating,
  parkCopied,
  type ChunkFormat,
  type ChunkOptions,
} from '../isolate/load-isolating.ts';
import { failedAside } from '../../../../../shared/state/quarantine/aside.ts';
import { toRowError } from '../../connection/row-error.ts';
import { quoteLiteral } from '../../connection/names.ts';
import { commitWithin } from '../state/postgres-state.ts';
import { runScript, type ScriptWatch } from '../../connection/script.ts';
import { tuplesToTextMessages } from './tuple-text.ts';
import type { WriteTarget } from '../target/write-target.ts';
import type { WriterSession } from '../session/writer-session.ts';

/** What the bytes of a chunk of this kind of store are, best first. */
export const COPY_FORMATS = {
  'postgres.copy.binary': 'binary',
  'postgres.copy.text': 'text',
} as const;

export const DATA_TYPES = [...Object.keys(COPY_FORMATS), TUPLES];

interface Entry {
  done: boolean;
  careful: boolean;
  start: Position;
}

/**
 * Loads a chunk in one transaction with its entry in the ledger. The entry is locked first, so that of two deliveries
 * one waits for the other and then finds the chunk present; a chunk that the ledger does not know is of a plan that
 * has been replaced, and nobody wants it any more.
 */
export async function loadChunk(
  session: WriterSession,
  options: ChunkOptions,
  chunk: ChunkHead,
  parts: AsyncIterable<Buffer>,
): Promise<ChunkOutcome> {
  const { client } = session;
  const { pipeline } = options;
  const format = formatOf(chunk);
  const targets: LoadTarget[] = [];
  for (const relation of chunk.spread ?? [chunk.relation]) {
    const { namespace } = relation;
    const only = chunk.spread === undefined ? null : namespace;
    targets.push({ target: await options.targetOf(relation), only });
  }
  const { target } = targets[0]!;
  const [entry] = await beginWithRows<Entry>(client, {
    table: 'weir.chunk',
    columns: `done, careful, (SELECT n.start FROM weir.namespace n WHERE n.pipeline = r.pipeline AND n.namespace = r.namespace) AS start`,
    where: 'r.pipeline = $1 AND r.id = $2',
    values: [pipeline, chunk.id],
  });
  const judged = judgeChunk(chunk, {
    done: entry?.done ?? null,
    ...(chunk.how === 'merge'
      ? await readInstants(client, pipeline, chunk.namespace)
      : NO_INSTANTS),
  });
  if (entry === undefined || judged !== 'wanted') {
    await client.query('ROLLBACK');
    return judged === 'wanted' ? 'unwanted' : judged;
  }
  try {
    const careful = entry.careful || (await hasParked(session, pipeline, chunk.namespace));
    if (careful && chunk.how === 'merge') await takeTurns(client, targets);
    const loaded = careful
      ? await loadIsolating(session, options, chunk, format, entry.start, parts)
      : await loadAtOnce(client, chunk, format, targets, parts, options.repeats);
    const failed = chunk.failed?.() ?? [];
    if (loaded + failed.length !== chunk.rows())
      throw new WeirError(
        'INTERNAL',
        `chunk ${chunk.id} of ${chunk.namespace} brought ${loaded + failed.length} rows where the source sent ${chunk.rows()}; nothing of it was kept`,
      );
    const { relation, placeOf } = options.asFailed ?? { relation: chunk.relation };
    const aside = failedAside(relation, failed, entry.start, placeOf);
    if (aside.length > 0) await parkCopied(session, pipeline, aside);
    // Its row is held since it was asked.
    await commitWithin(client, pipeline, markChunk(chunk));
    await client.query('COMMIT');
    options.onParked(aside);
    return 'loaded';
  } catch (error) {
    throw toRowError(error, target.name.namespace);
  }
}

/** A table that rows of a chunk go to: all of them, or those that say `only` as their last value. */
interface LoadTarget {
  target: WriteTarget;
  only: string | null;
}

async function loadAtOnce(
  client: ClientBase,
  chunk: ChunkHead,
  format: ChunkFormat,
  targets: readonly LoadTarget[],
  parts: AsyncIterable<Buffer>,
  repeats: boolean,
): Promise<number> {
  const count = { loaded: 0 };
  const watch = (_index: number, loaded: number): void => void (count.loaded = loaded);
  const copied: CopyIn =
    format === 'tuples'
      ? { messages: tuplesToTextMessages(parts), whole: true }
      : { messages: parts };
  const copyFormat = format === 'binary' ? 'binary' : 'text';
  if (chunk.spread === undefined && chunk.how === 'load') {
    await runScript(client, copyInto(targets[0]!.target, copyFormat), [copied], watch);
    return count.loaded;
  }
  await stage(client, targets, copyFormat, copied, watch);
  if (chunk.how === 'load') for (const each of targets) await client.query(insertStaged(each));
  else {
    await takeTurns(client, targets);
    if (repeats) await client.query(dropRepeated(targets[0]!.target));
    for (const sql of targets.flatMap(mergeStatements)) await client.query(sql);
  }
  return count.loaded;
}

/** The chunk comes again, and is then loaded so that the refused row can be told from the others. */
export async function isolateNextTime(
  client: ClientBase,
  pipeline: string,
  chunk: ChunkHead,
): Promise<void> {
  await client.query(
    'UPDATE weir.chunk SET careful = true WHERE pipeline = $1 AND id = $2 AND NOT done',
    [pipeline, chunk.id],
  );
}

type Instants = Pick<ChunkStanding, 'settled' | 'least'>;

const NO_INSTANTS: Instants = { settled: null, least: null };

async function readInstants(
  client: ClientBase,
  pipeline: string,
  namespace: string,
): Promise<Instants> {
  const { rows } = await client.query<Instants>(
    `SELECT settled, (SELECT min(position) FROM weir.lane l WHERE l.pipeline = n.pipeline) AS least
     FROM weir.namespace n WHERE pipeline = $1 AND namespace = $2`,
    [pipeline, namespace],
  );
  return rows[0] ?? NO_INSTANTS;
}

function formatOf(chunk: ChunkHead): ChunkFormat {
  const types: Readonly<Record<string, ChunkFormat>> = { ...COPY_FORMATS, [TUPLES]: 'tuples' };
  const format = types[chunk.dataType];
  if (format === undefined)
    throw new WeirError(
      'NOT_SUPPORTED',
      `a PostgreSQL target cannot load "${chunk.dataType}"; it knows ${DATA_TYPES.join(' and ')}`,
    );
  return format;
}

/**
 * Loads a chunk into a table of its own. COPY brings values as the target's own types, text format included, so
 * nothing is cast; where rows go to several tables every value is text, and becomes what it is in its own.
 */
async function stage(
  client: ClientBase,
  [first]: readonly LoadTarget[],
  format: 'binary' | 'text',
  copied: CopyIn,
  watch: ScriptWatch,
): Promise<void> {
  const { target, only } = first!;
  const columns = target.columns.map(
    ({ name, type }) => `${name} ${only === null ? type : 'text'}`,
  );
  if (only !== null) columns.push(`${GOES_TO} text`);
  await client.query(`CREATE TEMP TABLE weir_chunk (${columns.join(', ')}) ON COMMIT DROP`);
  await runScript(client, `COPY pg_temp.weir_chunk FROM STDIN (FORMAT ${format})`, [copied], watch);
}

/** Of the staged rows, which table each goes to. */
const GOES_TO = 'weir_goes_to';

function goesTo(only: string | null, word: 'WHERE' | 'AND'): string {
  return only === null ? '' : ` ${word} ${GOES_TO} = ${quoteLiteral(only)}`;
}

function insertStaged({ target: { name, columns }, only }: LoadTarget): string {
  const names = columns.map((column) => column.name).join(', ');
  const values = columns.map((column) => `${column.name}::${column.cast}`).join(', ');
  return `INSERT INTO ${name.sql} (${names}) OVERRIDING SYSTEM VALUE SELECT ${values} FROM pg_temp.weir_chunk${goesTo(only, 'WHERE')}`;
}

/** A row that moved may be in two chunks. */
async function takeTurns(client: ClientBase, targets: readonly LoadTarget[]): Promise<void> {
  for (const { name, key } of targets.map(({ target }) => target)) {
    if (key.length === 0)
      throw new WeirError(
        'INTERNAL',
        `a chunk of ${name.namespace} is to be merged, but its rows have no key; nothing was written`,
      );
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
      `weir merge into ${name.namespace}`,
    ]);
  }
}

/** Of rows with the same key the last one stays. */
function dropRepeated({ key, columns }: WriteTarget): string {
  const names = key.map(({ column }) => columns[column]!.name).join(', ');
  return `DELETE FROM pg_temp.weir_chunk WHERE ctid IN (
    SELECT ctid FROM (SELECT ctid, row_number() OVER (PARTITION BY ${names} ORDER BY ctid DESC) AS place
      FROM pg_temp.weir_chunk) r WHERE place > 1)`;
}

function mergeStatements(into: LoadTarget): string[] {
  const { target, only } = into;
  const names = target.columns.map((column) => column.name);
  const key = target.key.map(({ column }) => names[column]!);
  const match = target.key
    .map(
      ({ column, equals }, i) =>
        `t.${key[i]} ${equals} s.${key[i]}::${target.columns[column]!.cast}`,
    )
    .join(' AND ');
  const insert = insertStaged(into);
  if (target.method === 'replace')
    return [
      `DELETE FROM ${target.rows} t USING pg_temp.weir_chunk s WHERE ${match}${goesTo(only, 'AND')}`,
      insert,
    ];
  // The key too: an equal one may be written differently, as 1.0 and 1.00 are.
  const sets = target.columns
    .filter((column) => !column.insertOnly)
    .map(({ name }) => `${name} = excluded.${name}`);
  const action = sets.length === 0 ? 'NOTHING' : `UPDATE SET ${sets.join(', ')}`;
  return [`${insert} ON CONFLICT (${key.join(', ')}) DO ${action}`];
}
