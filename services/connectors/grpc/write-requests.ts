import type { DataType, Update } from '../../../proto/gen/adiom/v1/adiom.ts';
import { status } from '@grpc/grpc-js';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { callStatus } from '../../../shared/grpc/call-failure.ts';
import type { NetChanges } from '../../../shared/connector/sink.ts';
import type { Channel } from '../../../shared/grpc/channel.ts';
import { METHODS } from './connector-channel.ts';
import { Outgoing } from './outgoing.ts';
import { withRetry } from './with-retry.ts';

/** Of one request; a single document may have more. */
const MOST_BYTES = 2 << 20;
const MOST_DOCUMENTS = 1_000;

export interface WriteRequestsOptions {
  channel: Channel;
  dataType: DataType;
  /** At the target. */
  namespace: string;
  signal: AbortSignal;
}

/** Writes documents as they come, in requests that every peer can take; each has been done when it is answered. */
export class DataRequests {
  readonly #options: WriteRequestsOptions;
  #data: Uint8Array[] = [];
  #bytes = 0;

  constructor(options: WriteRequestsOptions) {
    this.#options = options;
  }

  /** Takes a document over where there is room for it in the request; else `flush` first. */
  add(document: Uint8Array): boolean {
    const count = this.#data.length;
    if (count >= MOST_DOCUMENTS) return false;
    if (count > 0 && this.#bytes + document.length > MOST_BYTES) return false;
    this.#data.push(document);
    this.#bytes += document.length;
    return true;
  }

  async flush(): Promise<void> {
    if (this.#data.length === 0) return;
    const { channel, dataType: type, namespace, signal } = this.#options;
    const request = { namespace, data: this.#data, type };
    await written(() => channel.call(METHODS.writeData, request, { signal }), signal);
    this.#data = [];
    this.#bytes = 0;
  }
}

/** Writes net changes: of each document there is one in a request. */
export async function writeChanges(
  options: WriteRequestsOptions,
  { relation, deletes, upserts, partial }: NetChanges,
): Promise<void> {
  const outgoing = new Outgoing(relation, options.dataType);
  await writeUpdates(
    options,
    deletes.map((key) => outgoing.delete(key)),
  );
  await writeUpdates(
    options,
    toEach(upserts, (row) => outgoing.upsert(row)),
  );
  let rest = partial.map((row) => outgoing.partial(row)).filter((steps) => steps.length > 0);
  while (rest.length > 0) {
    await writeUpdates(
      options,
      rest.map(([first]) => first!),
    );
    rest = rest.map(([, ...more]) => more).filter((more) => more.length > 0);
  }
}

function* toEach(rows: readonly Buffer[], map: (row: Buffer) => Update): Generator<Update> {
  for (const row of rows) yield map(row);
}

async function writeUpdates(
  { channel, dataType: type, namespace, signal }: WriteRequestsOptions,
  updates: Iterable<Update>,
): Promise<void> {
  let some: Update[] = [];
  let bytes = 0;
  const send = async (): Promise<void> => {
    const request = { namespace, updates: some, type };
    if (some.length > 0)
      await written(() => channel.call(METHODS.writeUpdates, request, { signal }), signal);
    some = [];
    bytes = 0;
  };
  for (const update of updates) {
    if (bytes + update.data.length > MOST_BYTES || some.length >= MOST_DOCUMENTS) await send();
    some.push(update);
    bytes += update.data.length;
  }
  await send();
}

/** An argument that is refused is a document: see docs/connectors.md. */
async function written(call: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
  try {
    await withRetry(call, signal);
  } catch (error) {
    if (callStatus(error) !== status.INVALID_ARGUMENT) throw error;
    throw new WeirError('ROW_REFUSED', (error as Error).message, { cause: error });
  }
}
