import type { Store, StoreOptions } from '../../../../shared/connector/store.ts';
import { ControlConnection } from '../connection/control-connection.ts';
import { ServedChanges } from './served-changes.ts';
import { readDataIdentity } from '../catalog/source-identity.ts';
import { PostgresStoreReader } from './store-reader.ts';
import { PostgresStoreWriter } from './store-writer.ts';

/** A PostgreSQL database for programs that keep their own progress. Connections are made when they are needed. */
export function createPostgresStore(options: StoreOptions): Store {
  const changes = new ServedChanges(options);
  const reader = new PostgresStoreReader(options, changes);
  const writer = new PostgresStoreWriter(options);
  let identity: string | null = null;
  return {
    reader,
    writer,
    async readIdentity() {
      if (identity !== null) return identity;
      const control = await ControlConnection.open(
        options.url,
        `weir ${options.pipeline} identity`,
      );
      try {
        return (identity = await control.run(
          'reading the identity of the server',
          readDataIdentity,
        ));
      } finally {
        await control.close();
      }
    },
    async close() {
      await changes.close();
      await Promise.all([reader.close(), writer.close()]);
    },
  };
}
