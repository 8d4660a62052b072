export { createDatasync, type Datasync, type DatasyncOptions } from './datasync.ts';
export { bytes, encodeValue, json, type Decode, type Encode } from './codec.ts';
export { DatasyncError, type DatasyncErrorCode } from './datasync-error.ts';
export { fileState } from './file-state.ts';
export { memoryState, type MemoryStateOptions } from './memory-state.ts';
export { LocalStore, type LocalStoreOptions } from './local/local-store.ts';
export { localTransport, type LocalTransport } from './local/local-transport.ts';
export { metricsText, type Metric, type Sample } from './metrics.ts';
export { natsTransport, type NatsTransportOptions } from './nats/nats-transport.ts';
export {
  put,
  remove,
  type BatchWrite,
  type Publisher,
  type PutOptions,
  type WriteOptions,
  type Written,
} from './publisher.ts';
export { toRevision, type Revision } from './revision.ts';
export type { DatasyncEvent } from './event-log.ts';
export type { FailureRecord, Feedback, FeedbackStore, Watermark } from './feedback-store.ts';
export type { PulledEvent } from './pull.ts';
export type { ResyncReport, ResyncRequest } from './resync-walk.ts';
export type {
  Capabilities,
  Cursor,
  Entry,
  Feed,
  FeedSink,
  FollowOptions,
  KnownKeys,
  ResyncCause,
  Transport,
  WriteOperation,
} from './transport.ts';
export type {
  Change,
  ChangeEvent,
  FailedKey,
  Previous,
  RemovedKey,
  ResyncEvent,
  ResyncItem,
  ResyncOutcome,
  WatchHandlers,
  WatchPhase,
} from './watch-event.ts';
export type { WatchState } from './watch-state.ts';
export type { WatchOptions } from './watch-options.ts';
export type { Watch } from './watch.ts';
