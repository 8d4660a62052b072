import type { Relation } from '../../../../../shared/change/relation.ts';
import {
  REFUSED,
  type Refusals,
  type Refused,
} from '../../../../../shared/state/quarantine/quarantine-target.ts';
import { attemptScript, emptyStaging } from './attempt-script.ts';
import { toCopyMessages } from '../../connection/copy-in.ts';
import type { Unit } from '../../../../../shared/state/quarantine/change-unit.ts';
import { readSearchResult, searchStatement } from './refusal-search.ts';
import { toRowError } from '../../connection/row-error.ts';
import { toKeyRows, toMaskedRows } from '../session/tuple-rows.ts';
import type { StagingUse } from '../session/write-statements.ts';
import type { WriteTarget } from '../target/write-target.ts';
import type { WriterSession } from '../session/writer-session.ts';

const USES = { delete: 'deletes', upsert: 'rows', update: 'masked' } as const;

/**
 * Finds units that are refused, at least one where the whole was; leaves nothing changed. The units are staged once and
 * the search runs at the server, so that it takes a few round trips however many are refused.
 */
export async function findRefused(
  session: WriterSession,
  target: WriteTarget,
  relation: Relation,
  units: readonly Unit[],
  refusals: Refusals = REFUSED,
): Promise<Refused[]> {
  const { client, staging } = session;
  const empty = emptyStaging(session, target).map(({ sql }) => sql);
  await client.query(['SAVEPOINT weir_search', ...empty].join('; '));
  const refused = await stage(session, target, relation, units);
  const unreadable = new Set(refused.map(({ unit }) => unit));
  const staged = new Map<StagingUse, Unit[]>();
  for (const unit of units) {
    if (unreadable.has(unit)) continue;
    const use = USES[unit.kind];
    const list = staged.get(use) ?? [];
    staged.set(use, list);
    list.push(unit);
  }
  if (staged.size > 0) {
    await client.query(searchStatement(target, staging, [...staged.keys()]));
    for (const { use, at, ...fields } of await readSearchResult(client)) {
      const error = toRowError({ ...fields, severity: 'ERROR' }, target.name.namespace);
      if (!refusals.includes(error.code)) throw error;
      refused.push({ unit: staged.get(use)![at - 1]!, error });
    }
  }
  await client.query('ROLLBACK TO SAVEPOINT weir_search; RELEASE SAVEPOINT weir_search');
  return refused;
}

/** Stages units in their order, by halves where bytes of one cannot be read; returns those. */
async function stage(
  session: WriterSession,
  target: WriteTarget,
  relation: Relation,
  units: readonly Unit[],
): Promise<Refused[]> {
  const sql = session.staging.statementsOf(target);
  const of = (kind: Unit['kind']): Buffer[] =>
    units.filter((unit) => unit.kind === kind).map(({ bytes }) => bytes);
  const load = (use: StagingUse, rows: Iterable<Buffer>) => ({
    sql: sql.copy(use),
    copy: { messages: toCopyMessages(rows), whole: true as const },
    namespace: target.name.namespace,
  });
  const [deletes, upserts, partial] = [of('delete'), of('upsert'), of('update')];
  const keys = target.key.length === 0 ? deletes : toKeyRows(deletes, target.key.length);
  const error = await attemptScript(session, [
    ...(deletes.length > 0 ? [load('deletes', keys)] : []),
    ...(upserts.length > 0 ? [load('rows', upserts)] : []),
    ...(partial.length > 0 ? [load('masked', toMaskedRows(partial))] : []),
  ]);
  if (error === null) return [];
  if (units.length === 1) return [{ unit: units[0]!, error }];
  const middle = units.length >> 1;
  const left = await stage(session, target, relation, units.slice(0, middle));
  return [...left, ...(await stage(session, target, relation, units.slice(middle)))];
}
