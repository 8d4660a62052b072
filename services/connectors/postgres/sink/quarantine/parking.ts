import type pg from 'pg';
import type { Parking, RetrySteps } from '../../../../../shared/connector/parking.ts';
import type { DocumentWriter } from '../documents/document-writer.ts';
import { listParked, showParked } from './parked-list.ts';
import { discardParked } from './parked-discard.ts';
import { ParkedReplay } from './parked-replay.ts';
import type { RelationCache } from '../target/relation-cache.ts';
import type { WriterSession } from '../session/writer-session.ts';

export interface ParkingOptions {
  pipeline: string;
  relations: RelationCache;
  retrySteps: RetrySteps | undefined;
  documents: DocumentWriter;
  /** For short questions. */
  ask: <T>(work: (client: pg.Client) => Promise<T>) => Promise<T>;
  /** For what writes data. */
  write: <T>(work: (session: WriterSession) => Promise<T>) => Promise<T>;
}

export function createParking(options: ParkingOptions): Parking {
  const { pipeline, ask, write } = options;
  return {
    list: (selection, after, limit) =>
      ask((client) => listParked(client, pipeline, selection, after, limit)),
    show: (id) => ask((client) => showParked(client, pipeline, id)),
    replay: (selection, after, until) =>
      write((session) => ParkedReplay.step(session, options, selection, after, until)),
    discard: (selection) => write(({ client }) => discardParked(client, pipeline, selection)),
  };
}
