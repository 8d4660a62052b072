import type pg from 'pg';
import type { Relation } from '../../../../../shared/change/relation.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import type { QuarantineHome } from '../../../../../shared/state/quarantine/parking-over.ts';
import type { ReplayTarget } from '../../../../../shared/state/quarantine/quarantine-target.ts';
import type { StateStep } from '../../../../../shared/state/state-step.ts';
import { prepareIsolating } from '../isolate/attempt-script.ts';
import type { DocumentWriter } from '../documents/document-writer.ts';
import { holdLanesPatiently } from '../state/parked-changes.ts';
import { parkedDocuments } from './parked-documents.ts';
import { NOTHING_PARKED, parkedEntries } from '../state/parked-entries.ts';
import { postgresTarget } from '../isolate/postgres-target.ts';
import { commitWithin, PostgresState } from '../state/postgres-state.ts';
import { textsBy } from '../isolate/refused-row.ts';
import type { RelationCache } from '../target/relation-cache.ts';
import { openStateTables } from '../state/state-tables.ts';
import { commit } from '../isolate/write-isolating.ts';
import type { WriteTarget } from '../target/write-target.ts';
import type { WriterSession } from '../session/writer-session.ts';

export interface PostgresQuarantineOptions {
  pipeline: string;
  relations: RelationCache;
  documents: DocumentWriter;
  /** For short questions. */
  ask: <T>(work: (client: pg.Client) => Promise<T>) => Promise<T>;
  /** For what writes data. */
  write: <T>(work: (session: WriterSession) => Promise<T>) => Promise<T>;
}

/**
 * Parked entries are looked after in transactions that hold all lanes: no change of their keys can pass by, and of two
 * who do so one waits and then finds what the other has left. On any failure of the connection nothing has changed, and
 * the session must be dropped.
 */
export function postgresQuarantine(options: PostgresQuarantineOptions): QuarantineHome {
  const { pipeline, documents, ask, write } = options;

  const holding = <T>(
    work: (session: WriterSession) => Promise<{ step: StateStep; result: T }>,
  ): Promise<T> =>
    write(async (session) => {
      const { client } = session;
      const isThere = await openStateTables(client);
      await client.query('BEGIN');
      if (isThere) await client.query(holdLanesPatiently(pipeline));
      const { step, result } = await work(session);
      if (isThere) await commitWithin(client, pipeline, step);
      await commit(session);
      return result;
    });
  const entriesBy = async (client: pg.Client) =>
    (await openStateTables(client)) ? parkedEntries(client, pipeline) : NOTHING_PARKED;

  return {
    ask: (work) => ask(async (client) => work(await entriesBy(client), textsBy(client))),
    settle: (work) => holding(async ({ client }) => work(await entriesBy(client))),
    replay: (work) =>
      holding(async (session) => {
        const parked = await entriesBy(session.client);
        const result = await work({ ...replayRoom(session, options), parked });
        // The next page may meet tables that were mended meanwhile.
        documents.forgetAll();
        return result;
      }),
    retry: (work) =>
      write(async ({ client }) => {
        const state = new PostgresState(client, pipeline);
        await work({
          parked: await entriesBy(client),
          commit: (step) => state.commit(step),
          placeOf: (relation, key) => documents.placeOf(client, relation, key),
        });
      }),
  };
}

function replayRoom(
  session: WriterSession,
  { pipeline, relations, documents }: PostgresQuarantineOptions,
): ReplayTarget {
  const { client } = session;
  const targetOf = async (relation: Relation): Promise<WriteTarget> => {
    const target = await relations.targetOf(client, relation);
    await prepareIsolating(session, [target]);
    return target;
  };
  const prepare = parkedDocuments(client, documents);
  return {
    ...postgresTarget(session, { pipeline, targetOf }),
    repeats: false,
    async problemOf(relation) {
      try {
        await targetOf(relation);
        return null;
      } catch (error) {
        if (error instanceof WeirError && error.code === 'TARGET_UNFIT') return error;
        throw error;
      }
    },
    prepare,
  };
}
