import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { parseDuration } from '../../../shared/config/duration.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import {
  type ModuleAnswer,
  type ModuleBack,
  ModuleUnusable,
  ModuleWorker,
} from '../module-worker.ts';
import type { FieldValue } from '../expression-value.ts';
import type { Row } from '../row.ts';
import { type Shape, StepFailure, type StepKind, StepMisfit } from '../step.ts';
import { documentAdapter, idOf } from './document-adapter.ts';
import { refuseReturned, type Returned, returnedFields, returnedForm } from './returned-fields.ts';
import { withSameTypes } from './same-types.ts';

const FORM = 'must be { file: ./transform.mjs } and may have returns, leaves and timeout';
const TIMEOUT = 'must be a time in s or m, e.g. 5s';
const DEFAULT_TIMEOUT_MS = 5_000;
/** Rows that are given at once; they have the time limit together. */
const SET_ROWS = 64;

interface Taken {
  row: Row;
  given: FieldValue[] | Uint8Array;
}

/** How rows are given to a module and taken back. */
interface Handed {
  shape: Shape;
  /** Of the values that are given; null: documents. */
  names: readonly string[] | null;
  give(row: Row): Taken['given'];
  take(row: Row, given: Taken['given'], back: ModuleBack): void;
  takeKey(row: Row): void;
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
    const handed =
      shape.documents === null ? asFields(shape, returned) : asDocuments(shape, returned);
    const worker = new ModuleWorker(fullPath, timeout);
    const { namespace } = shape;

    const runSet = async (set: readonly Taken[]): Promise<void> => {
      const answers = await worker.run(namespace, handed.names, set);
      if (answers !== 'late') {
        for (const [nth, taken] of set.entries()) takeAnswer(taken, answers[nth]!);
      } else if (set.length === 1) {
        set[0]!.row.failure = `the module took longer than ${timeout} ms`;
      } else await Promise.all(set.map((taken) => runSet([taken])));
    };
    const takeAnswer = ({ row, given }: Taken, answer: ModuleAnswer): void => {
      if ('failed' in answer) row.failure = answer.failed;
      else if (answer.back === null) row.dropped = true;
      else attempt(row, () => handed.take(row, given, answer.back!));
    };

    return {
      shape: handed.shape,
      decides: 'row',
      async runAll(rows) {
        const taken: Taken[] = [];
        for (const row of rows) {
          if (row.keyOnly) handed.takeKey(row);
          else attempt(row, () => taken.push({ row, given: handed.give(row) }));
        }
        const sets: Promise<void>[] = [];
        for (let from = 0; from < taken.length; from += SET_ROWS)
          sets.push(runSet(taken.slice(from, from + SET_ROWS)));
        try {
          await Promise.all(sets);
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

function asFields(before: Shape, returned: Returned): Handed {
  const fields = returnedFields(before, returned);
  const places = fields.shape.fields.map(({ name }) =>
    before.fields.findIndex((field) => field.name === name),
  );
  return {
    shape: fields.shape,
    names: before.fields.map(({ name }) => name),
    give: (row) => fields.give(row),
    take: (row, given, back) => fields.take(row, given as FieldValue[], back as unknown[]),
    /** A delete has its key alone, which no module changes. */
    takeKey(row) {
      const { values } = row;
      row.values = places.map((place) => values[place]);
    },
  };
}

function asDocuments(before: Shape, returned: Returned): Handed {
  refuseReturned(returned);
  const exchange = documentAdapter(before);
  return {
    shape: exchange.shape,
    names: null,
    // Of its own memory: with a view all that it lies in would be copied into the thread.
    give: (row) => Uint8Array.from(exchange.give(row).document),
    take(row, given, back) {
      const document = withSameTypes(
        Buffer.from(given as Uint8Array),
        Buffer.from(back as Uint8Array),
      );
      if (idOf(document) !== idOf(given as Uint8Array)) throw new StepFailure('it changed _id');
      exchange.take(row, document);
    },
    takeKey: (row) => exchange.takeKey(row),
  };
}
