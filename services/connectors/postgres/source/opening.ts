import type { EndOptions } from '../../../../shared/connector/end-options.ts';
import type { PipelinePlan } from '../../../../shared/connector/plan.ts';
import type { SourceScope } from '../../../../shared/connector/source.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { ControlConnection } from '../connection/control-connection.ts';
import type { ServerFacts } from '../connection/server-facts.ts';
import type { LockWatch } from './lock-watch.ts';

/** What opening a session works with. */
export interface Opening extends EndOptions {
  control: ControlConnection;
  facts: ServerFacts;
  catalog: Catalog;
  scope: SourceScope;
  known: PipelinePlan | null;
  signal: AbortSignal;
  /** See `createPostgresSource`. */
  owner?: string;
  watch: LockWatch;
}
