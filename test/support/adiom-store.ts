import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  loadPackageDefinition,
  type Metadata,
  Server,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { BSON } from 'bson';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import { type Fault, STORE_DEFAULTS, type StoreOptions } from './adiom-store-options.ts';

export type Document = Record<string, unknown>;

interface IdPart {
  data: Buffer;
  type: number;
  name: string;
}

interface Update {
  id: IdPart[];
  type: string;
  data: Buffer;
  partial_update_unset: string[];
}

interface Failure {
  code: status;
  details: string;
}

interface Seen {
  method: string;
  request: Record<string, unknown>;
  metadata: Metadata;
}

interface UnaryCall {
  request: Record<string, unknown>;
  metadata: Metadata;
}

interface StreamCall extends UnaryCall {
  write(message: object): boolean;
  end(): void;
  emit(event: 'error', error: Failure): boolean;
  on(event: 'cancelled', listener: () => void): void;
}

type Done = (error: Failure | null, answer?: object) => void;

/**
 * A store of documents in memory that speaks `adiom.v1` as source and as sink, made of nothing of ours but the .proto
 * files, and of another protobuf library; it misbehaves to order. What it was asked is in `calls`.
 */
export class AdiomStore {
  readonly namespaces = new Map<string, Map<string, Document>>();
  readonly calls: Seen[] = [];
  readonly options: StoreOptions;
  /** What was written to it, in order. */
  readonly written: { namespace: string; kind: string; documents: Document[] }[] = [];
  /** Given in place of every document of the copy. */
  raw: Buffer | null = null;
  #repeatFrom = Infinity;
  #repeatEvery = Infinity;
  /** The keys of each namespace when a plan was made: what comes later comes as an update. */
  readonly #planned = new Map<string, string[]>();
  #faults: Fault[] = [];
  readonly #log: { namespace: string; update: Update }[][];
  readonly #server = new Server({ 'grpc.max_receive_message_length': 256 << 20 });
  #port = 0;
  #stopping = false;

  constructor(options: Partial<StoreOptions> = {}) {
    this.options = { ...STORE_DEFAULTS, ...options };
    this.#log = Array.from({ length: this.options.streams }, () => []);
  }

  static async start(options: Partial<StoreOptions> = {}, port = 0): Promise<AdiomStore> {
    const store = new AdiomStore(options);
    await store.listen(port);
    return store;
  }

  get url(): string {
    return `grpc://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  async listen(port = 0): Promise<void> {
    const definition = loadSync(['adiom/v1/adiom.proto'], {
      includeDirs: [path.join(projectRoot(), 'proto')],
      keepCase: true,
      longs: String,
      enums: String,
      defaults: true,
    });
    const { adiom } = loadPackageDefinition(definition) as unknown as {
      adiom: { v1: { ConnectorService: { service: ServiceDefinition } } };
    };
    this.#server.addService(adiom.v1.ConnectorService.service, {
      GetInfo: this.#unary('GetInfo', () => this.#info()),
      GetNamespaceMetadata: this.#unary('GetNamespaceMetadata', (request) => ({
        count: this.table(request['namespace'] as string).size,
      })),
      GeneratePlan: this.#unary('GeneratePlan', (request) => this.#plan(request)),
      ListData: this.#unary('ListData', (request) => this.#page(request)),
      GetByIds: this.#unary('GetByIds', (request) => this.#byIds(request)),
      WriteData: this.#unary('WriteData', (request) => this.#writeData(request)),
      WriteUpdates: this.#unary('WriteUpdates', (request) => this.#writeUpdates(request)),
      StreamUpdates: (call: StreamCall) => void this.#streamUpdates(call),
      StreamLSN: (call: StreamCall) => void this.#streamLsn(call),
    });
    this.#port = await new Promise<number>((resolve, reject) =>
      this.#server.bindAsync(`127.0.0.1:${port}`, this.options.credentials, (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
  }

  /** At once, as if it were killed. */
  stop(): void {
    this.#stopping = true;
    this.#server.forceShutdown();
  }

  fault(fault: Fault): void {
    this.#faults.push({ ...fault });
  }

  /** Every so-many-th document of the copy comes twice, in a page of its partition and again behind it. */
  repeatEvery(documents: number): void {
    this.#repeatEvery = documents;
  }

  /** From that page on the next cursor is the one that was asked with. */
  repeatCursorFrom(page: number): void {
    this.#repeatFrom = page;
  }

  table(namespace: string): Map<string, Document> {
    let table = this.namespaces.get(namespace);
    if (table === undefined) this.namespaces.set(namespace, (table = new Map<string, Document>()));
    return table;
  }

  /** Puts documents there without telling anybody. */
  /** As `load`, of BSON that is given to the byte. */
  loadBytes(namespace: string, documents: readonly Buffer[]): void {
    this.load(namespace, documents.map(toDocument));
  }

  /** What there is, as it came. */
  bytesOf(namespace: string): Buffer[] {
    return [...this.table(namespace).values()].map(toBytes);
  }

  load(namespace: string, documents: Document[]): void {
    this.table(namespace);
    for (const document of documents) this.table(namespace).set(keyOf(document['_id']), document);
  }

  insert(namespace: string, document: Document): void {
    this.load(namespace, [document]);
    this.#append(namespace, 'UPDATE_TYPE_INSERT', document['_id'], document);
  }

  update(namespace: string, document: Document): void {
    this.load(namespace, [document]);
    this.#append(namespace, 'UPDATE_TYPE_UPDATE', document['_id'], document);
  }

  delete(namespace: string, id: unknown): void {
    this.table(namespace).delete(keyOf(id));
    this.#append(namespace, 'UPDATE_TYPE_DELETE', id, null);
  }

  /** Fields of the first level only. */
  patch(namespace: string, id: unknown, set: Document, unset: string[] = []): void {
    const before = this.table(namespace).get(keyOf(id));
    if (before === undefined) return;
    const document: Document = { ...before, ...set };
    for (const name of unset) delete document[name];
    this.load(namespace, [document]);
    this.#append(namespace, 'UPDATE_TYPE_PARTIAL_UPDATE', id, set, unset);
  }

  /** Any update, as it is. */
  append(namespace: string, update: Update): void {
    this.#log[this.#streamOf(namespace)]!.push({ namespace, update });
  }

  callsOf(method: string): Seen[] {
    return this.calls.filter((call) => call.method === method);
  }

  #append(
    namespace: string,
    type: string,
    id: unknown,
    data: Document | null,
    unset: string[] = [],
  ): void {
    this.append(namespace, {
      id: [partOf('_id', id)],
      type,
      data: data === null ? Buffer.alloc(0) : toBytes(data),
      partial_update_unset: unset,
    });
  }

  #streamOf(namespace: string): number {
    return [...this.namespaces.keys()].sort().indexOf(namespace) % this.options.streams;
  }

  #info(): object {
    const { id, sourceTypes, sinkTypes, multiNamespacePlan, defaultPlan, lsnStream, getByIds } =
      this.options;
    const source = {
      supported_data_types: sourceTypes,
      lsn_stream: lsnStream,
      multi_namespace_plan: multiNamespacePlan,
      default_plan: defaultPlan,
      get_by_ids: getByIds,
    };
    return {
      id,
      db_type: 'memory',
      version: '1',
      spec: '',
      capabilities: {
        source: sourceTypes.length === 0 ? null : source,
        sink: sinkTypes.length === 0 ? null : { supported_data_types: sinkTypes },
      },
    };
  }

  #plan(request: Record<string, unknown>): object {
    const asked = request['namespaces'] as string[];
    const { multiNamespacePlan, defaultPlan, partitions, namesUpdates } = this.options;
    if (asked.length === 0 && !defaultPlan) throw refusal('no default plan');
    if (asked.length > 1 && !multiNamespacePlan) throw refusal('one namespace at a time');
    const names = asked.length === 0 ? [...this.namespaces.keys()] : asked;
    for (const name of names) this.#planned.set(name, [...this.table(name).keys()]);
    const streams = [...new Set(names.map((name) => this.#streamOf(name)))];
    return {
      partitions: names.flatMap((namespace) =>
        Array.from({ length: partitions }, (_, part) => ({
          namespace,
          partition_header: 'x-part',
          partition_value: `${namespace}/${part}`,
          cursor: Buffer.from(String(part)),
          estimated_count: this.table(namespace).size,
        })),
      ),
      updates_partitions: streams.map((stream) => ({
        namespaces: namesUpdates ? names.filter((name) => this.#streamOf(name) === stream) : [],
        partition_header: 'x-stream',
        partition_value: String(stream),
        cursor: Buffer.from(`${stream}:${this.#log[stream]!.length}`),
      })),
    };
  }

  #page(request: Record<string, unknown>): object {
    const { pageSize, emptyPages, partitions } = this.options;
    const { namespace, cursor: part } = request['partition'] as {
      namespace: string;
      cursor: Buffer;
    };
    const keys = this.#planned.get(namespace) ?? [];
    const own = keys.filter((_, i) => i % partitions === Number(part.toString()));
    const page = Number((request['cursor'] as Buffer).toString() || '0');
    const at = Math.floor(page / (emptyPages + 1)) * pageSize;
    const isEmpty = page % (emptyPages + 1) !== 0;
    const table = this.table(namespace);
    const data = (isEmpty ? [] : own.slice(at, at + pageSize)).flatMap((key): Document[] => {
      const document = table.get(key);
      return document === undefined ? [] : [document];
    });
    const isLast = !(page % (emptyPages + 1) < emptyPages) && at + pageSize >= own.length;
    const json = request['type'] === 'DATA_TYPE_JSON_ID';
    return {
      data: data.map(
        (document) =>
          this.raw ?? (json ? Buffer.from(JSON.stringify(document)) : toBytes(document)),
      ),
      next_cursor: Buffer.from(isLast ? '' : String(page >= this.#repeatFrom ? page : page + 1)),
    };
  }

  #byIds(request: Record<string, unknown>): object {
    const table = this.table(request['namespace'] as string);
    return {
      data: (request['ids'] as { id: IdPart[] }[]).map(({ id }) => {
        const document = table.get(keyOfPart(id[0]!));
        return { data: document === undefined ? Buffer.alloc(0) : toBytes(document) };
      }),
    };
  }

  #writeData(request: Record<string, unknown>): object {
    const namespace = request['namespace'] as string;
    const documents = (request['data'] as Buffer[]).map((bytes) => this.#read(request, bytes));
    this.written.push({ namespace, kind: 'data', documents });
    this.load(namespace, documents);
    return {};
  }

  #writeUpdates(request: Record<string, unknown>): object {
    const namespace = request['namespace'] as string;
    const table = this.table(namespace);
    for (const { id, type, data, partial_update_unset: unset } of request['updates'] as Update[]) {
      const key = keyOfPart(id[0]!);
      if (type === 'UPDATE_TYPE_DELETE') {
        table.delete(key);
        this.written.push({ namespace, kind: type, documents: [] });
        continue;
      }
      const fields = this.#read(request, data);
      this.written.push({ namespace, kind: type, documents: [fields] });
      const before = table.get(key);
      if (type !== 'UPDATE_TYPE_PARTIAL_UPDATE') table.set(key, fields);
      else if (before !== undefined) {
        const after = { ...before, ...fields };
        for (const name of unset) delete after[name];
        table.set(key, after);
      }
    }
    return {};
  }

  #read(request: Record<string, unknown>, bytes: Buffer): Document {
    if (request['type'] !== 'DATA_TYPE_JSON_ID') return toDocument(bytes);
    const fields = JSON.parse(bytes.toString()) as Document;
    return { _id: fields['id'], ...fields };
  }

  async #streamUpdates(call: StreamCall): Promise<void> {
    this.calls.push({ method: 'StreamUpdates', request: call.request, metadata: call.metadata });
    let cancelled = false;
    call.on('cancelled', () => (cancelled = true));
    const fault = this.#nextFault('StreamUpdates');
    let left = fault === undefined ? Infinity : (fault.late ?? 0);
    const [stream, from] = (call.request['cursor'] as Buffer).toString().split(':').map(Number);
    const log = this.#log[stream!];
    if (log === undefined || from === undefined || Number.isNaN(from) || from > log.length)
      return void call.emit('error', { code: status.INVALID_ARGUMENT, details: 'no such cursor' });
    const wanted = call.request['namespaces'] as string[];
    const { batch, cursorEvery, heartbeatMs } = this.options;
    const cursor = (at: number): Buffer => Buffer.from(`${stream}:${at}`);
    let at = from;
    let messages = 0;
    let idleMs = 0;
    while (!cancelled && !this.#stopping) {
      if (left <= 0) {
        const code = fault!.code ?? status.UNAVAILABLE;
        if (code === status.OK) call.end();
        else call.emit('error', { code, details: 'broken to order' });
        return;
      }
      const first = log[at];
      if (first === undefined) {
        await sleep(10);
        if ((idleMs += 10) < heartbeatMs) continue;
        idleMs = 0;
        call.write({ updates: [], namespace: '', next_cursor: cursor(at) });
        left--;
        continue;
      }
      const updates: Update[] = [];
      while (log[at]?.namespace === first.namespace && updates.length < batch)
        updates.push(log[at++]!.update);
      if (wanted.length > 0 && !wanted.includes(first.namespace)) continue;
      const hasCursor = ++messages % cursorEvery === 0;
      const more = call.write({
        updates,
        namespace: first.namespace,
        ...(hasCursor ? { next_cursor: cursor(at) } : {}),
      });
      left--;
      await (more ? sleep(0) : sleep(5));
    }
  }

  async #streamLsn(call: StreamCall): Promise<void> {
    this.calls.push({ method: 'StreamLSN', request: call.request, metadata: call.metadata });
    if (!this.options.lsnStream) return call.end();
    let cancelled = false;
    call.on('cancelled', () => (cancelled = true));
    const [stream, from] = (call.request['cursor'] as Buffer).toString().split(':').map(Number);
    while (!cancelled && !this.#stopping) {
      call.write({ lsn: this.#log[stream!]!.length - from!, next_cursor: Buffer.alloc(0) });
      await sleep(50);
    }
  }

  #unary(
    method: string,
    work: (request: Record<string, unknown>) => object,
  ): (call: UnaryCall, done: Done) => void {
    return (call, done) => {
      this.calls.push({ method, request: call.request, metadata: call.metadata });
      const fault = this.#nextFault(method);
      const answer = (): void => {
        try {
          const code = fault?.code;
          if (code !== undefined && fault?.late === undefined)
            return done({ code, details: 'failed to order' });
          const response = work(call.request);
          if (code !== undefined) return done({ code, details: 'failed to order, but done' });
          done(null, response);
        } catch (error) {
          done(isFailure(error) ? error : { code: status.INTERNAL, details: String(error) });
        }
      };
      if (fault?.delayMs === undefined) answer();
      else setTimeout(answer, fault.delayMs);
    };
  }

  #nextFault(method: string): Fault | undefined {
    const fault = this.#faults.find((each) => each.method === method);
    if (fault === undefined) return undefined;
    if ((fault.after ?? 0) > 0) {
      fault.after = fault.after! - 1;
      return undefined;
    }
    fault.times = (fault.times ?? 1) - 1;
    if (fault.times <= 0) this.#faults = this.#faults.filter((each) => each !== fault);
    return fault;
  }
}

/** A part of an id, made by hand. */
export function partOf(name: string, value: unknown): IdPart {
  const bytes = Buffer.from(BSON.serialize({ '': value }));
  return { name, type: bytes[4]!, data: bytes.subarray(6, bytes.length - 1) };
}

function keyOf(id: unknown): string {
  return keyOfPart(partOf('_id', id));
}

function keyOfPart({ type, data }: IdPart): string {
  return `${type} ${data.toString('hex')}`;
}

function toBytes(document: Document): Buffer {
  return given.get(document) ?? Buffer.from(BSON.serialize(document));
}

function refusal(details: string): Error {
  return Object.assign(new Error(details), { code: status.INVALID_ARGUMENT, details });
}

function isFailure(error: unknown): error is Failure {
  return typeof error === 'object' && error !== null && 'code' in error && 'details' in error;
}

/** Documents that came as bytes are given again as the same bytes. */
const given = new WeakMap<Document, Buffer>();

function toDocument(bytes: Buffer): Document {
  const document = BSON.deserialize(bytes, { promoteValues: false }) as Document;
  given.set(document, Buffer.from(bytes));
  return document;
}
