import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { Datasync } from '../../../shared/datasync/index.ts';
import { DatasyncClients } from './recorded-watch.ts';
import type { MakeHarness, StoreHarness } from './store-harness.ts';

/** What a test of the suite works with. */
export interface SuiteContext {
  harness: StoreHarness;
  clients: DatasyncClients;
  /** A client of the store, with watches and publishers. */
  sync: Datasync;
  folder: string;
}

/** A harness, its clients and a folder for each test. */
export function useDatasync(makeHarness: MakeHarness, options = {}): SuiteContext {
  const context = {} as SuiteContext;
  beforeEach(async () => {
    context.harness = await makeHarness(options);
    context.clients = new DatasyncClients();
    context.sync = context.clients.add(context.harness.transport());
    context.folder = mkdtempSync(path.join(tmpdir(), 'weir-datasync-'));
  });
  afterEach(async () => {
    await context.harness.reconnect();
    await context.clients.close();
    await context.harness.close();
    await rm(context.folder, { recursive: true });
  });
  return context;
}
