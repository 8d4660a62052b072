import type { Logger } from 'pino';
import type { Sink } from '../../shared/connector/sink.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import type { Gate } from './gate.ts';
import type { ProgressNotices } from './progress-notices.ts';
import type { RelationPool } from './relation-pool.ts';
import type { WriterMeter } from './writer-meter.ts';

/** What the lanes of one writer share. */
export interface WriterContext {
  pipeline: string;
  order: 'key' | 'transaction';
  writerId: string;
  hub: Hub;
  sink: Sink;
  gate: Gate;
  relations: RelationPool;
  meter: WriterMeter;
  progress: ProgressNotices;
  log: Logger;
}
