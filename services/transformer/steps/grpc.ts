import { z } from 'zod';
import {
  DataType,
  type GetTransformResponse,
  TransformServiceDefinition,
  UpdateType,
} from '../../../proto/gen/adiom/v1/adiom.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { Channel } from '../../../shared/grpc/channel.ts';
import { parseChannelUrl } from '../../../shared/grpc/channel-settings.ts';
import type { Row } from '../row.ts';
import { type Shape, StepFailure, type StepKind, StepMisfit } from '../step.ts';
import {
  columnAdapter,
  documentAdapter,
  type DocumentAdapter,
  idOf,
  type Sent,
} from './document-adapter.ts';
import { targetList } from './forms.ts';
import { refuseKeyless } from './route.ts';
import { refuseReturned, returnedFields, returnedForm } from './returned-fields.ts';

const URL_FORM = 'must be grpc://HOST:PORT or grpcs://HOST:PORT';
const BSON = DataType.DATA_TYPE_MONGO_BSON;
const { getTransform, getTransformInfo } = TransformServiceDefinition.methods;

/**
 * Rows go through a TransformService of `adiom.v1` as documents. What comes back is told by its `_id`, which must stay:
 * one that does not come back is left out.
 */
export const grpc: StepKind<{
  url: string;
  returns?: Record<string, string> | undefined;
  leaves?: string[] | undefined;
  to?: string[] | undefined;
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
      to: targetList.optional(),
    },
    {
      error: (issue) =>
        issue.code === 'invalid_type' ? `must be { url: "grpc://host:port" }` : undefined,
    },
  ),
  compile({ url, to = [], ...returned }, shape) {
    if (shape.identity !== 'key')
      throw new StepMisfit(
        `needs a key, by which documents are told apart, and ${shape.namespace} has none`,
      );
    if (to.length > 0 && shape.parts.length > 0)
      throw new StepMisfit(
        `has "to", and an earlier step sends rows of ${shape.namespace} one by one already; leave one of them out`,
      );
    const exchange = exchangeOf(shape, to, returned);
    // Where rows may go: where the namespace goes anyhow, and then the others of `to`.
    const own = ['', shape.namespace, ...(shape.target === null ? [] : [shape.target])];
    const others = to.filter((name) => !own.includes(name));
    const after = { ...exchange.shape, ...(others.length > 0 && { parts: others }) };
    const placeOf = (namespace: string): number =>
      own.includes(namespace) ? 0 : others.indexOf(namespace) + 1 || -1;
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
          updates: isCopy ? [] : round.map(updateOf),
          requestType: BSON,
          responseType: BSON,
        },
        call,
      );
      const back = documentsIn(answer, shape.namespace, placeOf);
      for (const { row, id } of round) takeBack(row, exchange, back.get(id));
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
      ...(others.length > 0 && { spreads: 'row' }),
      async runAll(rows) {
        await (fit ??= requireFit().catch((error: unknown) => {
          fit = null;
          throw error;
        }));
        const sent = rows.flatMap((row) => take(row, exchange));
        for (const round of roundsOf(sent)) await runRound(round);
      },
    };
  },
};

function exchangeOf(
  shape: Shape,
  to: readonly string[],
  returned: Parameters<typeof returnedFields>[1],
): DocumentAdapter {
  if (shape.documents === null) return columnAdapter(shape, returnedFields(shape, returned).shape);
  if (to.length > 0) refuseKeyless(shape);
  refuseReturned(returned);
  return documentAdapter(shape);
}

/** Nothing of a delete, whose key stays, and of a row that is not whole. */
function take(row: Row, exchange: DocumentAdapter): Sent[] {
  if (row.keyOnly) {
    exchange.takeKey(row);
    return [];
  }
  try {
    return [exchange.give(row)];
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    row.failure = error.message;
    return [];
  }
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

function updateOf({ row, idParts, document }: Sent) {
  const { UPDATE_TYPE_INSERT, UPDATE_TYPE_UPDATE } = UpdateType;
  const type = row.kind === 'insert' ? UPDATE_TYPE_INSERT : UPDATE_TYPE_UPDATE;
  return { id: idParts, type, data: document, partialUpdateUnset: [] };
}

interface Returned {
  document: Uint8Array;
  part: number;
  /** It came back for another namespace, too. */
  again: boolean;
}

/** By id; one that was turned into a delete did not come back. */
function documentsIn(
  answer: GetTransformResponse,
  namespace: string,
  placeOf: (namespace: string) => number,
): Map<string, Returned> {
  const back = new Map<string, Returned>();
  const batches = answer.responses.length > 0 ? answer.responses : [answer];
  for (const batch of batches) {
    const part = placeOf(batch.namespace);
    if (part < 0)
      throw new WeirError(
        'TRANSFORM_FAILED',
        `a transformer sent rows of ${namespace} to ${batch.namespace}, which the step does not list; say with "to" where it may send them`,
      );
    const changed = batch.updates.filter(({ type }) => type !== UpdateType.UPDATE_TYPE_DELETE);
    for (const document of [...batch.data, ...changed.map(({ data }) => data)]) {
      const id = idOf(document);
      const again = back.has(id) && back.get(id)!.part !== part;
      back.set(id, { document, part, again });
    }
  }
  return back;
}

function takeBack(row: Row, exchange: DocumentAdapter, returned: Returned | undefined): void {
  if (returned === undefined) {
    row.dropped = true;
    return;
  }
  if (returned.again) {
    row.failure = 'the transformer gave it back for more than one namespace';
    return;
  }
  try {
    exchange.take(row, returned.document);
    row.part = returned.part;
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    row.failure = error.message;
  }
}
