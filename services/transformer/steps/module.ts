import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { parseDuration } from '../../../shared/config/duration.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import {
  type ModuleAnswer,
  ModuleUnusable,
  ModuleWorker,
  type RowContext,
} from '../module-worker.ts';
import type { Row } from '../row.ts';
import { StepFailure, type StepKind, StepMisfit } from '../step.ts';
import { type Fields, returnedFields, returnedForm } from './returned-fields.ts';

const FORM = 'must be { file: ./transform.mjs } and may have returns, leaves and timeout';
const TIMEOUT = 'must be a time in s or m, e.g. 5s';
const DEFAULT_TIMEOUT_MS = 5_000;
/** Rows that are given at once; they have the time limit together. */
const SET_ROWS = 64;

interface Taken {
  row: Row;
  given: Fields;
}

/**
 * Rows go through a function of the user's: `export default (row, { namespace, kind }) => row`, or null to leave it out.
 * Equal rows must become equal rows. It runs in a thread of its own, and one that takes too long is ended.
 */
export const module: StepKind<{
  file: string;
  timeout?: number | undefined;
  returns?: Record<string, string> | undefined;
  leaves?: string[] | undefined;
}> = {
  form: z.strictObject(
    {
      file: z.string({ error: 'must be the path of a JavaScript module' }).min(1),
      timeout: z
        .string({ error: TIMEOUT })
        .transform((text, context) => {
          const ms = parseDuration(text);
          if (ms !== undefined && ms > 0) return ms;
          context.issues.push({ code: 'custom', message: TIMEOUT, input: text });
          return z.NEVER;
        })
        .optional(),
      ...returnedForm,
    },
    { error: (issue) => (issue.code === 'invalid_type' ? FORM : undefined) },
  ),
  compile({ file, timeout = DEFAULT_TIMEOUT_MS, ...returned }, shape) {
    const fullPath = path.resolve(file);
    if (!existsSync(fullPath))
      throw new StepMisfit(`names the file ${fullPath}, which does not exist`);
    const fields = returnedFields(shape, returned);
    const worker = new ModuleWorker(fullPath, timeout);
    const { namespace } = shape;
    // Lanes share the thread: what they give waits for what others gave before.
    let turn: Promise<unknown> = Promise.resolve();

    const runSet = async (set: readonly Taken[]): Promise<void> => {
      const rows = set.map(({ row, given }) => {
        const context: RowContext = { namespace, kind: row.kind };
        return { row: given, context };
      });
      const answers = await worker.run(rows);
      if (answers !== 'late') {
        for (const [nth, taken] of set.entries()) takeAnswer(taken, answers[nth]!);
      } else if (set.length === 1) {
        set[0]!.row.failure = `the module took longer than ${timeout} ms`;
      } else for (const taken of set) await runSet([taken]);
    };
    const takeAnswer = ({ row, given }: Taken, answer: ModuleAnswer): void => {
      if ('failed' in answer) row.failure = `the module threw ${answer.failed}`;
      else attempt(row, () => fields.take(row, given, answer.back));
    };

    return {
      shape: fields.shape,
      decides: 'row',
      async runAll(rows) {
        const taken: Taken[] = [];
        for (const row of rows) {
          if (row.keyOnly) moveKey(row, shape.fields, fields.shape.fields);
          else attempt(row, () => taken.push({ row, given: fields.give(row) }));
        }
        const mine = turn.then(async () => {
          for (let from = 0; from < taken.length; from += SET_ROWS)
            await runSet(taken.slice(from, from + SET_ROWS));
        });
        turn = mine.catch(() => undefined);
        try {
          await mine;
        } catch (error) {
          if (!(error instanceof ModuleUnusable)) throw error;
          throw new WeirError(
            'CONFIG_INVALID',
            `the module ${fullPath} cannot be used: ${error.message}`,
          );
        }
      },
    };
  },
};

function attempt(row: Row, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    row.failure = error.message;
  }
}

/** A delete has its key alone, which no module changes. */
function moveKey(
  row: Row,
  before: readonly { name: string }[],
  after: readonly { name: string }[],
): void {
  const { values } = row;
  row.values = after.map(({ name }) => values[before.findIndex((field) => field.name === name)]);
}
