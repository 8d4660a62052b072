import { status } from '@grpc/grpc-js';
import {
  type DataType,
  type Update,
  UpdateType,
  type WriteDataRequest,
  type WriteUpdatesRequest,
} from '../../proto/gen/adiom/v1/adiom.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { NetChanges } from '../../shared/connector/sink.ts';
import type { StoreWriter } from '../../shared/connector/store.ts';
import { DocumentError } from '../../shared/document/document-error.ts';
import { fromDocument, fromId } from '../../shared/document/from-document.ts';
import { CallError } from './call-error.ts';
import { NetBatch } from './net-batch.ts';
import { noNamespace, refuseOtherType } from './refusals.ts';

/** A store that is written, as the protocol wants it: what comes again changes nothing. */
export class ServedWriter {
  readonly #writer: StoreWriter;

  constructor(writer: StoreWriter) {
    this.#writer = writer;
  }

  writeData({ namespace, data, type }: WriteDataRequest): Promise<void> {
    return this.#write(namespace, type, data.length, (relation, batch) => {
      for (const document of data)
        batch.upsert(fromDocument(relation, document, { absent: 'unchanged' }));
    });
  }

  writeUpdates({ namespace, updates, type }: WriteUpdatesRequest): Promise<void> {
    return this.#write(namespace, type, updates.length, (relation, batch) => {
      for (const update of updates) take(batch, relation, update);
    });
  }

  async #write(
    namespace: string,
    type: DataType,
    count: number,
    fill: (relation: Relation, batch: NetBatch) => void,
  ): Promise<void> {
    const relation = await this.#relationOf(namespace);
    if (relation === 'any') return this.#writer.count(count);
    refuseOtherType(type);
    const { lacking, ...changes } = await this.#net(namespace, relation, fill);
    if (lacking.length > 0)
      changes.upserts.push(...(await this.#writer.fillAbsent(changes.relation, lacking)));
    const { upserts, partial, deletes } = changes;
    if (upserts.length + partial.length + deletes.length > 0) await this.#writer.write(changes);
  }

  async #net(
    namespace: string,
    relation: Relation,
    fill: (relation: Relation, batch: NetBatch) => void,
  ): Promise<NetChanges & { lacking: Buffer[] }> {
    const batch = new NetBatch(relation);
    try {
      fill(relation, batch);
      return batch.net();
    } catch (error) {
      if (!(error instanceof DocumentError)) throw error;
      // It may have got a column a moment ago.
      const now = await this.#relationOf(namespace, true);
      if (now === 'any' || now === relation) throw error;
      return this.#net(namespace, now, fill);
    }
  }

  async #relationOf(namespace: string, anew = false): Promise<Relation | 'any'> {
    const relation = await this.#writer.relationOf(namespace, anew);
    if (relation === null) throw noNamespace([namespace]);
    if (relation !== 'any' && relation.identity !== 'key')
      throw new CallError(
        status.FAILED_PRECONDITION,
        `${namespace} has no key, so what is sent again would be there twice; give it one`,
      );
    return relation;
  }
}

function take(batch: NetBatch, relation: Relation, update: Update): void {
  switch (update.type) {
    case UpdateType.UPDATE_TYPE_INSERT:
    case UpdateType.UPDATE_TYPE_UPDATE:
      return batch.upsert(
        fromDocument(relation, update.data, {
          absent: 'unchanged',
          key: fromId(relation, update.id),
        }),
      );
    case UpdateType.UPDATE_TYPE_DELETE:
      return batch.delete(fromId(relation, update.id));
    case UpdateType.UPDATE_TYPE_PARTIAL_UPDATE: {
      const key = fromId(relation, update.id);
      const unset = update.partialUpdateUnset;
      return batch.update(fromDocument(relation, update.data, { absent: 'unchanged', unset, key }));
    }
    default:
      throw new CallError(
        status.INVALID_ARGUMENT,
        `an update has the type ${update.type}; known are 1 (insert) to 4 (partial update)`,
      );
  }
}
