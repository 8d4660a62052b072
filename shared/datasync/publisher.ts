import { awaitApplied } from './applied.ts';
import { encodeValue, type Encode } from './codec.ts';
import { DatasyncError, unsupported } from './datasync-error.ts';
import type { Revision } from './revision.ts';
import type { Transport, WriteOperation } from './transport.ts';

export interface WriteOptions {
  /** Only if this is the key's revision, else CONFLICT; 0: only if there is no such key. */
  ifRevision?: Revision;
  /** Names of watches: resolves when each has answered this revision or a later one, rejects with its words. */
  applied?: readonly string[];
  /** For `applied`; 30 s when left out. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface PutOptions extends WriteOptions {
  /** The key goes after that time. */
  ttlMs?: number;
  /** The key goes when this client goes. */
  lifetime?: 'client';
}

export interface Written {
  readonly revision: Revision;
}

/** One write of a batch, made by `put` and `remove`. */
export type BatchWrite =
  | { kind: 'put'; key: string; value: unknown; ifRevision?: Revision }
  | { kind: 'delete'; key: string; ifRevision?: Revision };

export function put(
  key: string,
  value: unknown,
  options: { ifRevision?: Revision } = {},
): BatchWrite {
  return { kind: 'put', key, value, ...options };
}

export function remove(key: string, options: { ifRevision?: Revision } = {}): BatchWrite {
  return { kind: 'delete', key, ...options };
}

const APPLIED_MS = 30_000;

/** Writes without knowing the transport. */
export class Publisher {
  readonly #transport: Transport;
  readonly #encode: Encode;

  constructor(transport: Transport, encode: Encode = encodeValue) {
    this.#transport = transport;
    this.#encode = encode;
  }

  async put(key: string, value: unknown, options: PutOptions = {}): Promise<Written> {
    const { ifRevision, ttlMs, lifetime } = options;
    const operation: WriteOperation = {
      kind: 'put',
      key,
      value: this.#encode(value),
      ...(ifRevision === undefined ? {} : { ifRevision }),
      ...(ttlMs === undefined ? {} : { ttlMs }),
      ...(lifetime === undefined ? {} : { lifetime }),
    };
    return this.#write([operation], options);
  }

  async delete(key: string, options: WriteOptions = {}): Promise<Written> {
    const { ifRevision } = options;
    return this.#write(
      [{ kind: 'delete', key, ...(ifRevision === undefined ? {} : { ifRevision }) }],
      options,
    );
  }

  /** All or none, and seen together. */
  async batch(
    writes: readonly BatchWrite[],
    options: Omit<WriteOptions, 'ifRevision'> = {},
  ): Promise<Written> {
    if (!this.#transport.capabilities.transactions)
      throw unsupported(
        this.#transport.name,
        'batch',
        'its store cannot write several keys together',
      );
    if (writes.length === 0) throw new DatasyncError('INVALID', 'a batch needs at least one write');
    if (new Set(writes.map(({ key }) => key)).size < writes.length)
      throw new DatasyncError('INVALID', 'a batch writes each key once; take the last of each');
    const operations = writes.map((write): WriteOperation =>
      write.kind === 'put' ? { ...write, value: this.#encode(write.value) } : write,
    );
    return this.#write(operations, options);
  }

  async #write(operations: readonly WriteOperation[], options: WriteOptions): Promise<Written> {
    const { applied = [], timeoutMs = APPLIED_MS, signal } = options;
    signal?.throwIfAborted();
    this.#refuseUnsupported(operations, applied);
    const revision = await this.#transport.write(operations);
    if (applied.length === 0) return { revision };
    const incarnation = await this.#transport.incarnation();
    const keys = operations.map(({ key }) => key);
    const written = { keys, revision, incarnation, timeoutMs, signal };
    await Promise.all(
      applied.map((consumer) => awaitApplied(this.#transport.feedback, { consumer, ...written })),
    );
    return { revision };
  }

  #refuseUnsupported(operations: readonly WriteOperation[], applied: readonly string[]): void {
    const { name, capabilities } = this.#transport;
    for (const { ifRevision, ttlMs, lifetime } of operations) {
      if (ifRevision !== undefined && !capabilities.ifRevision)
        throw unsupported(name, 'ifRevision', 'its store does not compare before it writes');
      if (ttlMs !== undefined && !capabilities.timeToLive)
        throw unsupported(name, 'ttlMs', 'its store sends no event when a key expires');
      if (lifetime !== undefined && !capabilities.clientLifetime)
        throw unsupported(name, "lifetime: 'client'", 'its store does not tie a key to its writer');
      if (ttlMs !== undefined && !(ttlMs > 0))
        throw new DatasyncError('INVALID', `ttlMs is ${ttlMs}; it must be above 0`);
    }
    if (applied.length > 0 && !capabilities.feedback)
      throw unsupported(name, 'applied', 'answers of consumers do not come back');
  }
}
