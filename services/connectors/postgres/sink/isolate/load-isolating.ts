import { sourceOf } from '../../../../../shared/change/namespace-part.ts';
import type { Position } from '../../../../../shared/change/position.ts';
import type { Relation } from '../../../../../shared/change/relation.ts';
import { columnOffsets, keyOf } from '../../../../../shared/change/tuple.ts';
import type { ChunkHead } from '../../../../../shared/connector/sink.ts';
import { prepareIsolating } from './attempt-script.ts';
import { tuplesToCopyMessages } from '../../connection/copy-in.ts';
import { inSets, readCopiedTuples } from '../../connection/copy-tuples.ts';
import type { UnconvertedDocuments } from '../documents/unconverted-documents.ts';
import type { FailedAs } from '../documents/document-writer.ts';
import { toUnconvertedAside } from '../documents/unconverted-document.ts';
import {
  NOTHING,
  toCopiedAside,
  BEHIND,
  type Aside,
} from '../../../../../shared/state/quarantine/aside.ts';
import { nameOf } from '../../../../../shared/state/quarantine/change-unit.ts';
import { parkedEntries } from '../state/parked-entries.ts';
import { postgresTarget } from './postgres-target.ts';
import { commitWithin } from '../state/postgres-state.ts';
import { readRefusedRow } from './refused-row.ts';
import { reasonOf } from '../../../../../shared/state/quarantine/refusal.ts';
import type { StateStep } from '../../../../../shared/state/state-step.ts';
import { putAside } from '../../../../../shared/state/quarantine/quarantine-steps.ts';
import { splitOff } from '../../../../../shared/state/quarantine/split-off.ts';
import type { WriteTarget } from '../target/write-target.ts';
import type { WriterSession } from '../session/writer-session.ts';

/** What the bytes of a chunk are: a COPY on the wire, or tuples of text values. */
export type ChunkFormat = 'binary' | 'text' | 'tuples';

export interface ChunkOptions {
  pipeline: string;
  onBadRow: 'stop' | 'park';
  /** The chunk may have several rows of the same key, of which the last counts. */
  repeats: boolean;
  misfits: UnconvertedDocuments;
  /** Of rows that a step failed for, where they are not put aside as rows of the chunk's relation. */
  asFailed: FailedAs | null;
  targetOf: (relation: Relation) => Promise<WriteTarget>;
  /** The chunk is loaded so that the refused row is known: coming again would tell no more. */
  onCareful: () => void;
  /** Told of each row that was put aside because the target refused it. */
  onParked: (refused: readonly Aside[]) => void;
}

const SET_ROWS = 2_000;
const SET_BYTES = 4 << 20;

/**
 * Loads a chunk set by set, as changes are, inside the transaction that holds its entry in the ledger: what the target
 * refuses is put aside, and so are rows whose key is parked already. Slower than one COPY, and able to tell rows
 * apart. Returns how many rows came.
 */
export async function loadIsolating(
  session: WriterSession,
  { pipeline, onBadRow, repeats, misfits, targetOf, onCareful, onParked }: ChunkOptions,
  chunk: ChunkHead,
  format: ChunkFormat,
  start: Position,
  parts: AsyncIterable<Buffer>,
): Promise<number> {
  onCareful();
  const { client } = session;
  const encoding = format === 'binary' ? ('binary' as const) : ('text' as const);
  const tables: CarefulTable[] = [];
  for (const each of chunk.spread ?? [chunk.relation]) {
    const columns = each.columns.map((column) => ({ ...column, encoding }));
    const relation: Relation = { ...each, columns };
    const target = await targetOf(relation);
    // What is to be loaded is not in the table: a row that is there already is not the pipeline's to change.
    const into: WriteTarget =
      chunk.how === 'load' ? { ...target, key: [], method: 'append' } : target;
    tables.push({ relation, target, into });
  }
  await prepareIsolating(
    session,
    tables.flatMap(({ target, into }) => [target, into]),
  );
  let rows = 0;
  let parked = 0;
  const allRefused: Aside[] = [];
  const park = async (aside: readonly Aside[], refused: readonly Aside[]): Promise<void> => {
    if (refused.length > 0 && onBadRow === 'stop') {
      await client.query('ROLLBACK');
      throw await readRefusedRow(client, refused[0]!);
    }
    // The lanes are marked last: they are at work while tables are copied.
    await commitWithin(client, pipeline, putAside(aside, true));
    parked += aside.length;
    for (const entry of refused) allRefused.push({ ...entry, tuple: null });
  };
  // While the next set is read, and so before it: changes of the same keys in it wait behind them.
  misfits.takenBy(async (some) => {
    const origin = { copied: true, position: start, counts: NOTHING };
    const aside = some.map((misfit) => toUnconvertedAside(misfit, origin));
    await park(aside, aside);
  });
  const tuples =
    format === 'tuples'
      ? readCopiedTuples(tuplesToCopyMessages(parts), 'binary')
      : readCopiedTuples(parts, format);
  for await (const all of inSets(tuples, SET_ROWS, SET_BYTES)) {
    rows += all.length;
    await misfits.flush();
    for (const [{ relation, target, into }, set] of spreadSet(tables, all)) {
      const upserts = repeats ? lastOfEachKey(relation, set) : set;
      const changes = { relation, upserts, partial: [], deletes: [] };
      const room = postgresTarget(session, {
        pipeline,
        targetOf: () => Promise.resolve(target),
        intoOf: () => into,
      });
      const { stay, wait } = await splitOff(room, changes);
      const found = await room.applyIsolating(relation, stay);
      const reasons = new Map([
        ...wait.map((unit) => [unit, BEHIND] as const),
        ...found.map(({ unit, error }) => [unit, reasonOf(error)] as const),
      ]);
      if (reasons.size === 0) continue;
      const chains = await room.chainsOf(relation, [...reasons.keys()]);
      const aside = toCopiedAside(relation, reasons, chains, start);
      await park(aside, aside.slice(wait.length));
    }
  }
  await misfits.flush();
  if (parked > 0) await commitWithin(client, pipeline, MARK);
  onParked(allRefused);
  return rows + misfits.count;
}

function lastOfEachKey(relation: Relation, tuples: readonly Buffer[]): Buffer[] {
  return [...new Map(tuples.map((tuple) => [nameOf(keyOf(tuple, relation.key)), tuple])).values()];
}

interface CarefulTable {
  relation: Relation;
  target: WriteTarget;
  into: WriteTarget;
}

/** Rows by the table that they go to: their only one, or the one that their last value names, which is cut off. */
function spreadSet(
  tables: readonly CarefulTable[],
  set: readonly Buffer[],
): [CarefulTable, Buffer[]][] {
  if (tables.length === 1) return [[tables[0]!, [...set]]];
  const columns = tables[0]!.relation.columns.length;
  const rows = set.map((tuple) => {
    const at = columnOffsets(tuple)[columns]!;
    const row = Buffer.from(tuple.subarray(0, at));
    row.writeUInt16BE(columns, 0);
    return { row, to: tuple.toString('utf8', at + 4) };
  });
  return tables
    .map((table): [CarefulTable, Buffer[]] => [
      table,
      rows.filter(({ to }) => to === table.relation.namespace).map(({ row }) => row),
    ])
    .filter(([, some]) => some.length > 0);
}

/** Puts rows of a chunk aside in its transaction. */
export async function parkCopied(
  { client }: WriterSession,
  pipeline: string,
  aside: readonly Aside[],
): Promise<void> {
  await commitWithin(client, pipeline, putAside(aside, true));
  await commitWithin(client, pipeline, MARK);
}

/** Last, and for a moment only: it holds all lanes. */
const MARK: StateStep = [{ kind: 'mark', parked: 'yes' }];

/** Whether rows of the namespace are parked: those of a chunk may have to wait behind them. */
export async function hasParked(
  { client }: WriterSession,
  pipeline: string,
  namespace: string,
): Promise<boolean> {
  return (await parkedEntries(client, pipeline).shapes(sourceOf(namespace))).size > 0;
}
