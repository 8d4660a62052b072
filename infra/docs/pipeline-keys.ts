import { DEFAULTS, MAX_WORKERS } from '../../shared/config/pipeline-defaults.ts';

export interface PipelineKey {
  allowed: string;
  default: string;
  doc: string;
}

/** Every key of the pipeline file, for its page; a test keeps it complete. */
export const PIPELINE_KEYS: Readonly<Record<string, PipelineKey>> = {
  name: {
    allowed: '1 to 32 of `a-z`, `0-9` and `-`',
    default: 'required',
    doc: 'Names everything that the pipeline creates: slot, publication, streams, state.',
  },
  mode: {
    allowed: '`snapshot+changes`, `snapshot`, `changes`',
    default: `\`${DEFAULTS.mode}\``,
    doc: 'Copy and follow, only copy, or only follow.',
  },
  'source.url': {
    allowed: 'URL',
    default: 'required',
    doc: 'The store that is read; see [connectors](connectors.md). Special characters of a password are percent-encoded.',
  },
  'source.namespaces': {
    allowed: 'list of names or globs',
    default: 'every namespace',
    doc: 'What is copied and followed.',
  },
  'source.retention.limit': {
    allowed: 'size, e.g. `50GB`, units of 1024',
    default: 'what the store itself allows',
    doc: 'How much of its log the source may hold back for this pipeline; see [operations](operations.md#the-sources-log-fills-up).',
  },
  'source.retention.onLimit': {
    allowed: '`keep`, `stop`',
    default: `\`${DEFAULTS.onLimit}\``,
    doc: 'What happens at the limit: `keep` only warns; `stop` drops the replication slot so that the source can free its log, and the pipeline then needs a new copy.',
  },
  'source.retention.warnWithin': {
    allowed: 'time, e.g. `4h`',
    default: `\`${DEFAULTS.warnWithin}\``,
    doc: 'Warn when the log would reach the limit within this time. At four fifths of the limit there is a warning in any case.',
  },
  'source.onWaitingDdl': {
    allowed: '`giveWay`, `wait`',
    default: `\`${DEFAULTS.onWaitingDdl}\``,
    doc: 'What happens when a statement such as `ALTER TABLE` or `VACUUM FULL` needs a table that is being copied. `giveWay` lets it through and reads again what it changed. `wait` keeps all tables locked until everything is copied, as `pg_dump` does. See [operations](operations.md#statements-that-wait-for-a-copy).',
  },
  'target.url': {
    allowed: 'URL',
    default: 'required',
    doc: 'The store that is written; see [connectors](connectors.md); must not be the same database as the source.',
  },
  'target.create': {
    allowed: '`missing`, `never`',
    default: `\`${DEFAULTS.create}\``,
    doc: 'Whether missing namespaces are created at the target.',
  },
  map: {
    allowed: 'pairs of source and target namespace',
    default: 'same names',
    doc: 'Renames namespaces; each needs a place of its own at the target.',
  },
  types: {
    allowed: 'pairs: a column or type of the source, and a type of the target',
    default: 'what `weir check` prints',
    doc: 'Types of the columns that Weir creates at the target, when source and target are different kinds of store. A line is for a column (`public.orders.total: numeric(30,6)`), for a type (`timestamp(9) with time zone: text`) or for a kind (`decimal: text`); the most specific one applies. A mapping that would lose something needs such a line; see [connectors](connectors.md#types-between-different-stores).',
  },
  order: {
    allowed: '`key`, `transaction`',
    default: `\`${DEFAULTS.order}\``,
    doc: 'What is applied in commit order: the changes of each key, or whole transactions (all or nothing). Cannot change after the first start.',
  },
  lanes: {
    allowed: '1 to 64',
    default: `\`${DEFAULTS.lanes}\``,
    doc: 'Number of ordered streams that changes are spread over, and so the most writers that can share the work; 1 with `order: transaction`. Cannot change after the first start.',
  },
  writers: {
    allowed: '1 to 40',
    default: `\`${DEFAULTS.writers}\``,
    doc: 'Writer processes that `weir run` starts.',
  },
  workers: {
    allowed: `1 to ${MAX_WORKERS}`,
    default: `twice the cores, 4 to ${MAX_WORKERS}`,
    doc: 'Concurrent writes of each writer process.',
  },
  readers: {
    allowed: '1 to 16',
    default: `\`${DEFAULTS.readers}\``,
    doc: 'Chunks of the copy that are read concurrently.',
  },
  onBadRow: {
    allowed: '`stop`, `park`',
    default: `\`${DEFAULTS.onBadRow}\``,
    doc: 'What happens when the target refuses a row, or a transform fails for it. `stop` stops the pipeline at that row. `park` keeps the row, with later changes of its key, until `weir parked replay` or `discard`, and everything else goes on. What the target refuses only at COMMIT (deferred constraints), or when it creates constraints after the copy, always stops the pipeline.',
  },
  transforms: {
    allowed: 'list of steps',
    default: 'empty',
    doc: 'Steps that change, filter or route rows on their way; see [transforms](transforms.md).',
  },
  transformers: {
    allowed: '1 to 40',
    default: `\`${DEFAULTS.transformers}\``,
    doc: 'Transformer processes that `weir run` starts; none if there are no `transforms`.',
  },
  'nats.url': {
    allowed: '`nats://` or `tls://`, several with commas between',
    default: '`WEIR_NATS_URL`, else `weir run` starts a server of its own',
    doc: 'The broker between the services.',
  },
};
