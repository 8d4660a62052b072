import type { Opening } from './opening.ts';
import { fromPosition } from '../../../../shared/change/position.ts';
import type { EndOptions } from '../../../../shared/connector/end-options.ts';
import type { Source, SourceScope, SourceSession } from '../../../../shared/connector/source.ts';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import { readCatalog, type Catalog } from '../catalog/catalog.ts';
import { ControlConnection } from '../connection/control-connection.ts';
import { LockWatch } from './lock-watch.ts';
import { openCopy } from './open-copy.ts';
import { openFollowing } from './open-following.ts';
import { formatNamespace, pipelineObjectName } from '../connection/names.ts';
import { controlApplicationName, LOCK_HEARTBEAT_MS, takeLock } from './pipeline-lock.ts';
import { dropPublications } from './publication.ts';
import { awaitInactiveSlot, dropSlot } from './replication-slot.ts';
import type { TableDefinition } from '../catalog/table-definition.ts';
import { readStable } from '../catalog/stable-catalog.ts';
import { readServerFacts } from '../connection/server-facts.ts';
import { waitingAt } from '../connection/session-watch.ts';
import { checkSource, noTable } from './source-check.ts';
import { placedTables, requireInPlace, requireKeyed } from './table-places.ts';
import { giveUpSlot, readSlotRetention } from './slot-retention.ts';

/**
 * A PostgreSQL database as a source. Connections are made by its methods, and ended by those or by the session. `owner`:
 * of the slot, where no plan in a target says it.
 */
export function createPostgresSource(options: EndOptions, owner?: string): Source {
  const { pipeline, url, log } = options;
  const sessions = new Set<SourceSession>();
  /** Server processes of this source's earlier connections: what they still hold is held for nobody. */
  const former: number[] = [];
  /** Looks at the slot while sessions come and go; opened when first needed. */
  let watching: ControlConnection | null = null;
  const watch = new LockWatch(options);

  return {
    partsOf: ({ definition }) =>
      ((definition as TableDefinition | null)?.partitions ?? []).map(({ schema, name }) =>
        formatNamespace(schema, name),
      ),
    async check(scope, known) {
      const control = await ControlConnection.open(url, `weir ${pipeline} check`);
      try {
        const about = owner === undefined ? {} : { owner };
        return await checkSource(control, { pipeline, url, ...about }, scope, known);
      } finally {
        await control.close();
      }
    },

    async open(scope, known, signal) {
      const control = await ControlConnection.open(url, controlApplicationName(pipeline));
      const endWatch = watch.begin();
      try {
        await takeLock(control, { pipeline, former, log, signal });
        former.push(await control.serverProcess());
        control.keepHeard(LOCK_HEARTBEAT_MS);
        const facts = await readServerFacts(control);
        if (known !== null) {
          const placed = placedTables(known, scope.namespaces);
          await control.run('looking for the tables of the plan', (client) =>
            requireInPlace(client, pipeline, placed),
          );
        }
        const catalog = await readFitCatalog(control, scope);
        if (known !== null) requireKeyed(known, catalog.tables);
        for (const finding of catalog.findings)
          log.warn({ subject: finding.subject }, finding.message);
        const about = owner === undefined ? {} : { owner };
        const given = { ...options, ...about, control, scope, known, signal, watch };
        const opening: Opening = { ...given, facts, catalog };
        const session = await (scope.mode === 'snapshot'
          ? openCopy(opening)
          : openFollowing(opening));
        sessions.add(session);
        return session;
      } catch (error) {
        await control.close();
        throw error;
      } finally {
        endWatch();
      }
    },

    bytesBetween: (from, to) =>
      Math.max(0, Number(fromPosition(to).high - fromPosition(from).high)),

    problem: () => watch.sentence ?? waitingAt(url),

    async readRetention() {
      watching ??= await ControlConnection.open(url, `weir ${pipeline} watch`);
      try {
        return await readSlotRetention(watching, pipeline);
      } catch (error) {
        await watching.close();
        watching = null;
        throw error;
      }
    },

    async giveUpPosition(reason) {
      const control = await ControlConnection.open(url, controlApplicationName(pipeline));
      const signal = new AbortController().signal;
      try {
        await takeLock(control, { pipeline, former, log, signal });
        return await giveUpSlot(control, pipeline, reason, signal);
      } finally {
        await control.close();
      }
    },

    async reset() {
      const control = await ControlConnection.open(url, controlApplicationName(pipeline));
      const signal = new AbortController().signal;
      try {
        await takeLock(control, { pipeline, log, signal });
        const slotName = pipelineObjectName(pipeline);
        const slot = await awaitInactiveSlot(control, slotName, pipeline, signal);
        if (slot !== null) await dropSlot(control, slotName);
        await control.run('dropping the publications', (client) =>
          dropPublications(client, pipeline),
        );
      } finally {
        await control.close();
      }
    },

    async close() {
      await Promise.all([...sessions].map((session) => session.close()));
      sessions.clear();
      await watching?.close();
    },
  };
}

async function readFitCatalog(control: ControlConnection, scope: SourceScope): Promise<Catalog> {
  const catalog = await control.run('reading the catalog', (client) =>
    readStable(() => readCatalog(client, scope.namespaces)),
  );
  const errors = catalog.findings.filter((finding) => finding.level === 'error');
  if (errors.length > 0)
    throw new WeirError('SOURCE_UNFIT', errors.map((finding) => finding.message).join(' '));
  if (catalog.tables.length === 0) throw new WeirError('SOURCE_UNFIT', noTable(control.where));
  return catalog;
}
