import { z } from 'zod';
import {
  DataType,
  type GetTransformResponse,
  TransformServiceDefinition,
  UpdateType,
} from '../../../proto/gen/adiom/v1/adiom.ts';
import type { Relation } from '../../../shared/change/relation.ts';
import { idOfDocument } from '../../../shared/document/document-id.ts';
import { DocumentError } from '../../../shared/document/document-error.ts';
import { fromDocument } from '../../../shared/document/from-document.ts';
import { toDocument, toId } from '../../../shared/document/to-document.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { Channel } from '../../../shared/grpc/channel.ts';
import { parseChannelUrl } from '../../../shared/grpc/channel-settings.ts';
import { readTuple, type Row, writeKey, writeTuple } from '../row.ts';
import { type Shape, type StepKind, StepMisfit } from '../step.ts';
import { returnedFields, returnedForm } from './returned-fields.ts';

const URL_FORM = 'must be grpc://HOST:PORT or grpcs://HOST:PORT';
const BSON = DataType.DATA_TYPE_MONGO_BSON;
const { getTransform, getTransformInfo } = TransformServiceDefinition.methods;

interface Sent {
  row: Row;
  id: string;
  document: Uint8Array;
  key: Buffer;
}

/**
 * Rows go through a TransformService of `adiom.v1` as documents. What comes back is told by its `_id`, which must stay:
 * one that does not come back is left out.
 */
export const grpc: StepKind<{
  url: string;
  returns?: Record<string, string> | undefined;
  leaves?: string[] | undefined;
}> = {
  form: z.strictObject(
    {
      url: z.string({ error: URL_FORM }).superRefine((url, context) => {
        try {
          parseChannelUrl(url);
        } catch (error) {
          context.addIssue({ code: 'custom', message: (error as Error).message });
        }
      }),
      ...returnedForm,
    },
    {
      error: (issue) =>
        issue.code === 'invalid_type' ? `must be { url: "grpc://host:port" }` : undefined,
    },
  ),
  compile({ url, ...returned }, shape) {
    if (shape.identity !== 'key')
      throw new StepMisfit(
        `needs a key, by which documents are told apart, and ${shape.namespace} has none`,
      );
    const after = returnedFields(shape, returned).shape;
    const [from, to] = [relationOf(shape), relationOf(after)];
    const service = TransformServiceDefinition.fullName;
    const channel = new Channel({
      settings: parseChannelUrl(url),
      service,
      permanent: 'TRANSFORM_FAILED',
    });
    const call = { signal: new AbortController().signal };
    let fit: Promise<void> | null = null;

    const requireFit = async (): Promise<void> => {
      const { transforms } = await channel.call(getTransformInfo, {}, call);
      const takes = transforms.some(
        ({ requestType, responseTypes }) => requestType === BSON && responseTypes.includes(BSON),
      );
      if (takes) return;
      throw new WeirError(
        'NOT_SUPPORTED',
        `the transformer at ${channel.address} does not take documents as BSON and give them back as such`,
      );
    };
    const runRound = async (round: readonly Sent[]): Promise<void> => {
      const isCopy = round[0]!.row.kind === 'copy';
      const answer = await channel.call(
        getTransform,
        {
          namespace: shape.namespace,
          data: isCopy ? round.map(({ document }) => document) : [],
          updates: isCopy ? [] : round.map((sent) => updateOf(from, sent)),
          requestType: BSON,
          responseType: BSON,
        },
        call,
      );
      const back = documentsIn(answer, shape.namespace);
      for (const { row, id } of round) takeBack(row, to, back.get(id));
      const ids = new Set(round.map(({ id }) => id));
      if ([...back.keys()].some((id) => !ids.has(id)))
        throw new WeirError(
          'TRANSFORM_FAILED',
          `the transformer at ${channel.address} gave back a document of ${shape.namespace} with an _id that it was not sent; a transformer must keep the _id of what it gets`,
        );
    };

    return {
      shape: after,
      decides: 'row',
      async runAll(rows) {
        await (fit ??= requireFit().catch((error: unknown) => {
          fit = null;
          throw error;
        }));
        const sent = rows.flatMap((row) => take(row, shape, after, from));
        for (const round of roundsOf(sent)) await runRound(round);
      },
    };
  },
};

function relationOf({ namespace, fields }: Shape): Relation {
  const key = fields.flatMap(({ isKey }, place) => (isKey ? [place] : []));
  const columns = fields.map(({ name, type }) => ({ name, type, encoding: 'text' as const }));
  return { namespace, columns, key, identity: 'key', order: 'key' };
}

/** Nothing of a delete, whose key stays, and of a row that is not whole. */
function take(row: Row, before: Shape, after: Shape, relation: Relation): Sent[] {
  if (row.keyOnly) {
    const { values } = row;
    const placeOf = (name: string): number => before.fields.findIndex((each) => each.name === name);
    row.values = after.fields.map(({ name }) => values[placeOf(name)]);
    return [];
  }
  if (row.values.includes(undefined)) {
    row.failure = 'the update left values unchanged and did not bring them';
    return [];
  }
  const document = toDocument(relation, writeTuple(row.values));
  const key = writeKey(relation.key.map((place) => row.values[place]));
  return [{ row, id: idOf(document), document, key }];
}

function idOf(document: Uint8Array): string {
  return idOfDocument(document)?.toString('latin1') ?? '';
}

/** In one call each id occurs once, so that what comes back can be told. */
function roundsOf(sent: readonly Sent[]): Sent[][] {
  const rounds: Sent[][] = [];
  const seen = new Map<string, number>();
  for (const each of sent) {
    const nth = seen.get(each.id) ?? 0;
    seen.set(each.id, nth + 1);
    (rounds[nth] ??= []).push(each);
  }
  return rounds;
}

function updateOf(relation: Relation, { row, key, document }: Sent) {
  const { UPDATE_TYPE_INSERT, UPDATE_TYPE_UPDATE } = UpdateType;
  const type = row.kind === 'insert' ? UPDATE_TYPE_INSERT : UPDATE_TYPE_UPDATE;
  return { id: [toId(relation, key)], type, data: document, partialUpdateUnset: [] };
}

/** By id; null for one that was turned into a delete. */
function documentsIn(answer: GetTransformResponse, namespace: string): Map<string, Uint8Array> {
  const back = new Map<string, Uint8Array>();
  const batches = answer.responses.length > 0 ? answer.responses : [answer];
  for (const batch of batches) {
    if (batch.namespace !== '' && batch.namespace !== namespace)
      throw new WeirError(
        'NOT_SUPPORTED',
        `a transformer sent rows of ${namespace} to ${batch.namespace}; in this version only a route step can, for the whole namespace`,
      );
    const changed = batch.updates.filter(({ type }) => type !== UpdateType.UPDATE_TYPE_DELETE);
    for (const document of [...batch.data, ...changed.map(({ data }) => data)])
      back.set(idOf(document), document);
  }
  return back;
}

function takeBack(row: Row, relation: Relation, document: Uint8Array | undefined): void {
  if (document === undefined) {
    row.dropped = true;
    return;
  }
  try {
    row.values = readTuple(fromDocument(relation, document)).values;
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    row.failure = `what the transformer gave back does not fit: ${error.message}`;
  }
}
