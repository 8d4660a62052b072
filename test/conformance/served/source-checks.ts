import { status } from '@grpc/grpc-js';
import { BSON as Bson } from 'bson';
import type { GeneratePlanResponse, Partition } from '../../../proto/gen/adiom/v1/adiom.ts';
import { callStatus } from '../../../shared/grpc/call-failure.ts';
import {
  ask,
  BSON_TYPE,
  type Check,
  METHODS,
  NotTested,
  require,
  type Subject,
} from './subject.ts';

const MOST_PARTITIONS = 3;
const MOST_PAGES = 200;
const NONE = new Uint8Array();

export function planOf({ readNamespace, ...subject }: Subject): Promise<GeneratePlanResponse> {
  const namespaces = readNamespace === null ? [] : [readNamespace];
  return ask(subject, METHODS.generatePlan, { namespaces, initialSync: true, updates: true });
}

export const SOURCE_CHECKS: readonly Check[] = [
  {
    name: 'GeneratePlan cuts the data into partitions with a namespace each',
    async run(subject) {
      const { partitions } = await planOf(subject);
      require(partitions.length >
        0, 'there are no partitions; give at least one for each namespace, however empty');
      require(partitions.every(
        ({ namespace }) => namespace !== '',
      ), 'a partition has no namespace; name the one it is of');
    },
  },
  {
    name: 'GeneratePlan gives each namespace whose changes can be followed a partition, however empty',
    async run(subject) {
      const { partitions, updatesPartitions } = await planOf(subject);
      const followed = updatesPartitions.flatMap(({ namespaces }) => namespaces);
      const wanted = subject.readNamespace === null ? followed : [subject.readNamespace];
      const lacking = wanted.filter(
        (name) => !partitions.some(({ namespace }) => namespace === name),
      );
      require(lacking.length ===
        0, `${lacking.slice(0, 5).join(', ')} has no partition, and programs follow only namespaces that have one, so what comes into it later is lost; give an empty one`);
    },
  },
  {
    name: 'GeneratePlan leaves out what was not asked for',
    async run(subject) {
      const namespaces = subject.readNamespace === null ? [] : [subject.readNamespace];
      const request = { namespaces, initialSync: false, updates: false };
      const plan = await ask(subject, METHODS.generatePlan, request);
      require(plan.partitions.length ===
        0, 'there are partitions although initial_sync is false; leave them out');
      require(plan.updatesPartitions.length ===
        0, 'there are updates_partitions although updates is false; leave them out');
    },
  },
  {
    name: 'GetNamespaceMetadata counts a namespace',
    async run(subject) {
      const namespace = (await planOf(subject)).partitions[0]?.namespace ?? '';
      await ask(subject, METHODS.getNamespaceMetadata, { namespace });
    },
  },
  {
    name: 'ListData gives the same page for the same cursor, and ends',
    async run(subject) {
      for (const partition of (await planOf(subject)).partitions.slice(0, MOST_PARTITIONS))
        await walk(subject, partition);
    },
  },
  {
    name: 'ListData gives documents with an _id, each row once',
    async run(subject) {
      const { partitions } = await planOf(subject);
      for (const partition of partitions.slice(0, MOST_PARTITIONS)) {
        const seen = new Set<string>();
        for (const document of await walk(subject, partition)) {
          const id = JSON.stringify(read(document)['_id']);
          require(id !==
            undefined, `a document of ${partition.namespace} has no _id; put the key of the row there`);
          require(!seen.has(
            id,
          ), `an _id of ${partition.namespace} comes twice in one partition; begin each page behind the last row of the one before`);
          seen.add(id);
        }
      }
    },
  },
  {
    name: 'ListData refuses a data type that is not offered with INVALID_ARGUMENT',
    async run(subject) {
      const [partition] = (await planOf(subject)).partitions;
      const request = { partition, type: 99 as never, cursor: NONE };
      await refused(
        ask(subject, METHODS.listData, request),
        [status.INVALID_ARGUMENT],
        'a data type 99 is taken',
      );
    },
  },
  {
    name: 'GeneratePlan refuses a namespace that is not there with NOT_FOUND or INVALID_ARGUMENT',
    async run(subject) {
      const request = { namespaces: ['no.such_namespace'], initialSync: true, updates: false };
      const codes = [status.NOT_FOUND, status.INVALID_ARGUMENT];
      await refused(
        ask(subject, METHODS.generatePlan, request),
        codes,
        'a namespace that is not there is planned',
      );
    },
  },
  {
    name: 'GetByIds gives the documents of these ids in their order, and nothing where there is none',
    async run(subject) {
      if (subject.info.capabilities?.source?.getByIds !== true)
        throw new NotTested('capabilities.source.get_by_ids is not set');
      const [partition] = (await planOf(subject)).partitions;
      const request = { partition, type: BSON_TYPE, cursor: NONE };
      const page = await ask(subject, METHODS.listData, request);
      const documents = page.data.slice(0, 3).reverse();
      const ids = documents.map((document) => ({ id: [idOf(document)] }));
      const namespace = partition!.namespace;
      const { data } = await ask(subject, METHODS.getByIds, { namespace, ids, type: BSON_TYPE });
      require(data.length ===
        ids.length, `${ids.length} ids were asked for and ${data.length} answers came; give one for each, empty where there is no document`);
      const same = data.every((item, i) => Buffer.from(item.data).equals(documents[i]!));
      require(same, 'documents are not those of the ids, or not in their order, or not as ListData gave them');
    },
  },
  {
    name: 'StreamLSN answers or ends at once',
    async run(subject) {
      const { updatesPartitions } = await planOf(subject);
      const request = { namespaces: [], cursor: updatesPartitions[0]?.cursor ?? NONE };
      const signal = AbortSignal.timeout(subject.waitMs);
      for await (const _ of subject.channel.stream(METHODS.streamLSN, request, { signal })) return;
      const offered = subject.info.capabilities?.source?.lsnStream === true;
      require(!offered, 'lsn_stream is set, and StreamLSN gives nothing; count the changes behind the cursor, or do not set it');
    },
  },
];

/** All documents of a partition, up to a bound. */
async function walk(subject: Subject, partition: Partition): Promise<Buffer[]> {
  const documents: Buffer[] = [];
  let cursor: Uint8Array = NONE;
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const request = { partition, type: BSON_TYPE, cursor };
    const page = await ask(subject, METHODS.listData, request);
    if (pages < 2) {
      const again = await ask(subject, METHODS.listData, request);
      const same =
        Buffer.concat(page.data).equals(Buffer.concat(again.data)) &&
        Buffer.from(page.nextCursor).equals(again.nextCursor);
      require(same, `page ${pages + 1} of ${partition.namespace} is another one when asked for again with the same cursor; keep a page until the next one was asked for`);
    }
    documents.push(...page.data.map((each) => Buffer.from(each)));
    if (page.nextCursor.length === 0) return documents;
    require(!Buffer.from(page.nextCursor).equals(
      cursor,
    ), `next_cursor of ${partition.namespace} is the cursor that was sent; give one that goes on, or an empty one at the end`);
    cursor = page.nextCursor;
  }
  return documents;
}

export function read(document: Uint8Array): Record<string, unknown> {
  try {
    return Bson.deserialize(document, { promoteValues: false, bsonRegExp: true });
  } catch (error) {
    throw new Error('a document is not BSON; write what bsonspec.org describes', { cause: error });
  }
}

/** The `_id` as its bytes stand in the document. */
export function idOf(document: Uint8Array): { type: number; data: Uint8Array; name: string } {
  const bytes = Bson.serialize({ _id: read(document)['_id'] });
  return { type: bytes[4]!, data: bytes.subarray(9, bytes.length - 1), name: '_id' };
}

export async function refused(
  call: Promise<unknown>,
  codes: readonly status[],
  otherwise: string,
): Promise<void> {
  const code = await call.then(
    () => status.OK,
    (error: unknown) => {
      if (error instanceof NotTested) throw error;
      return callStatus(error) ?? status.UNKNOWN;
    },
  );
  const wanted = codes.map((each) => status[each]).join(' or ');
  require(code !== status.OK, `${otherwise}; refuse it with ${wanted}`);
  require(codes.includes(
    code,
  ), `the code is ${status[code]}; use ${wanted}, which says that trying again is of no use`);
}
