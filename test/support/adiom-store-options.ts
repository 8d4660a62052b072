import { ServerCredentials, type status } from '@grpc/grpc-js';

/** What the store says it can do, and how it behaves. */
export interface StoreOptions {
  id: string;
  sourceTypes: string[];
  sinkTypes: string[];
  multiNamespacePlan: boolean;
  defaultPlan: boolean;
  lsnStream: boolean;
  getByIds: boolean;
  /** Documents of a page, and pages without any between two. */
  pageSize: number;
  emptyPages: number;
  /** Partitions of each namespace. */
  partitions: number;
  /** Streams of updates: a namespace belongs to one. */
  streams: number;
  /** Whether a stream says which namespaces it has. */
  namesUpdates: boolean;
  /** Updates in a message; every so-many-th message has a cursor. */
  batch: number;
  cursorEvery: number;
  heartbeatMs: number;
  credentials: ServerCredentials;
}

export const STORE_DEFAULTS: StoreOptions = {
  id: 'store',
  sourceTypes: ['DATA_TYPE_MONGO_BSON'],
  sinkTypes: ['DATA_TYPE_MONGO_BSON'],
  multiNamespacePlan: true,
  defaultPlan: true,
  lsnStream: false,
  getByIds: false,
  pageSize: 10,
  emptyPages: 0,
  partitions: 1,
  streams: 1,
  namesUpdates: true,
  batch: 5,
  cursorEvery: 1,
  heartbeatMs: 100,
  credentials: ServerCredentials.createInsecure(),
};

/** What a method does for its next calls instead of what it should. */
export interface Fault {
  method: string;
  /** Calls that still go well, then those that do not. */
  after?: number;
  times?: number;
  code?: status;
  delayMs?: number;
  /** Of a stream: messages that still come before it breaks; of a write: it is done, and then fails. */
  late?: number;
}
