import type { ClientBase } from 'pg';
import { quoteLiteral } from '../../connection/names.ts';
import { NAMES_FUNCTION, PASSING_STATES, REFUSING_STATES } from '../../connection/sql-state.ts';
import type { Staging } from '../session/staging-tables.ts';
import type { StagingUse, WriteStatements } from '../session/write-statements.ts';
import type { WriteTarget } from '../target/write-target.ts';

/** A staged row that the target refuses: the `at`th of its staging table, from 1, and what the server said of it. */
export interface Refusal {
  use: StagingUse;
  at: number;
  code: string;
  message: string;
  table: string | null;
  column: string | null;
  constraint: string | null;
  where: string;
}

/**
 * Searches at the server which staged rows are refused: a block of PL/pgSQL that carries them into the table, run after
 * run, each in a block of its own that an exception undoes. A run that is refused is halved, one that is accepted makes
 * the next one twice as long, and one row that is refused is noted. Needs no function, so no right to create one.
 *
 * What is accepted stays, so that rows that stand in each other's way are found, too. Rows that are to be replaced are
 * taken out first, if they can: one run must not meet values that a later one takes away.
 */
export function searchStatement(
  target: WriteTarget,
  staging: Staging,
  uses: readonly StagingUse[],
): string {
  const chosen = staging.chosenOf(target);
  const whole = staging.statementsOf(target);
  const clear = [
    ...(uses.includes('deletes') ? [whole.deleteKeys] : []),
    ...(uses.includes('rows') ? [whole.deleteRows] : []),
  ];
  const body = [
    ...(target.method === 'replace' && clear.length > 0 ? [clearBlock(clear)] : []),
    ...(['deletes', 'rows', 'masked'] as const)
      .filter((use) => uses.includes(use))
      .map((use) => runsBlock(use, whole.table(use), stepsOf(target, chosen, use))),
  ];
  return `DO ${quoteLiteral(`#variable_conflict use_column
DECLARE
  weir_places tid[]; weir_chosen tid[]; weir_all integer; weir_at integer; weir_size integer;
  weir_code text; weir_message text; weir_table text; weir_column text; weir_constraint text;
  weir_context text;
  weir_found json[] := '{}';
BEGIN
${body.join('\n')}
PERFORM set_config('weir.refused', to_json(weir_found)::text, true);
END`)}`;
}

/** What the last search of this transaction found. */
export async function readSearchResult(client: ClientBase): Promise<Refusal[]> {
  const { rows } = await client.query<{ found: Refusal[] }>(
    `SELECT current_setting('weir.refused')::json AS found`,
  );
  return rows[0]!.found;
}

const CAUGHT = `EXCEPTION WHEN OTHERS OR ASSERT_FAILURE THEN
  GET STACKED DIAGNOSTICS weir_code = RETURNED_SQLSTATE, weir_message = MESSAGE_TEXT,
    weir_table = TABLE_NAME, weir_column = COLUMN_NAME, weir_constraint = CONSTRAINT_NAME,
    weir_context = PG_EXCEPTION_CONTEXT;
  IF weir_code !~ ${quoteLiteral(REFUSING_STATES.source)} AND (weir_code ~ ${quoteLiteral(PASSING_STATES.source)}
    OR weir_context !~ ${quoteLiteral(NAMES_FUNCTION)}) THEN RAISE; END IF;`;

function clearBlock(steps: readonly string[]): string {
  return `BEGIN ${steps.join('; ')}; ${CAUGHT} END;`;
}

function runsBlock(use: StagingUse, table: string, steps: readonly string[]): string {
  return `SELECT array_agg(ctid ORDER BY ctid), count(*) INTO weir_places, weir_all FROM ${table};
weir_at := 1; weir_size := (weir_all + 1) / 2;
WHILE weir_at <= weir_all LOOP
  weir_chosen := weir_places[weir_at : weir_at + weir_size - 1];
  BEGIN
    ${steps.join('; ')};
    weir_at := weir_at + weir_size;
    weir_size := 2 * weir_size;
  ${CAUGHT}
    IF weir_size > 1 THEN
      weir_size := weir_size / 2;
    ELSE
      weir_found := weir_found || json_build_object('use', '${use}', 'at', weir_at, 'code', weir_code,
        'message', weir_message, 'table', NULLIF(weir_table, ''), 'column', NULLIF(weir_column, ''),
        'constraint', NULLIF(weir_constraint, ''), 'where', weir_context);
      weir_at := weir_at + 1;
    END IF;
  END;
  weir_size := GREATEST(1, LEAST(weir_size, weir_all - weir_at + 1));
END LOOP;`;
}

/** How the chosen rows of a staging table are carried into the target, as in `change-statements.ts`. */
function stepsOf(target: WriteTarget, chosen: WriteStatements, use: StagingUse): string[] {
  switch (use) {
    case 'deletes':
      if (target.method !== 'multiset') return [chosen.deleteKeys];
      return [
        'SET LOCAL enable_hashjoin = on',
        chosen.deleteEqual,
        'SET LOCAL enable_hashjoin = off',
      ];
    case 'rows':
      return target.method === 'replace' ? [chosen.deleteRows, chosen.insert] : [chosen.insert];
    case 'masked':
      if (target.method !== 'replace') return [chosen.update];
      return [
        `WITH made AS (${chosen.complete} RETURNING ctid) SELECT array_agg(ctid) INTO weir_chosen FROM made`,
        chosen.deleteRows,
        chosen.insert,
      ];
  }
}
