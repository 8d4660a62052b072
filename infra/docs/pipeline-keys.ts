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
    doc: 'At the limit: only warn, or give the position up so that the source can free its log. After that only a new copy helps.',
  },
  'source.retention.warnWithin': {
    allowed: 'time, e.g. `4h`',
    default: `\`${DEFAULTS.warnWithin}\``,
    doc: 'Warn when the limit would be reached within this time; also at four fifths of it.',
  },
  'source.onWaitingDdl': {
    allowed: '`giveWay`, `wait`',
    default: `\`${DEFAULTS.onWaitingDdl}\``,
    doc: 'What a copy does where a statement such as `ALTER TABLE` or `VACUUM FULL` needs a table that is being copied: let it through and read again what it changed, or hold all tables until everything is copied, as `pg_dump` does; see [operations](operations.md#statements-that-wait-for-a-copy).',
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
    allowed: 'pairs of a column or a type of the source and a type of the target',
    default: 'what `weir check` says',
    doc: 'Which type of the target holds what, where the target makes columns for another kind of store: by column (`public.orders.total: numeric(30,6)`), by type (`timestamp(9) with time zone: text`) or by kind (`decimal: text`), the first of these that there is. A mapping that would lose something needs such a line; see [connectors](connectors.md#types-between-different-stores).',
  },
  order: {
    allowed: '`key`, `transaction`',
    default: `\`${DEFAULTS.order}\``,
    doc: 'What is applied in commit order: changes of one key, or whole transactions (at once or not at all). Fixed when first started.',
  },
  lanes: {
    allowed: '1 to 64',
    default: `\`${DEFAULTS.lanes}\``,
    doc: 'Units of order and parallelism: so many writers can share the work; 1 with `order: transaction`. Fixed when the pipeline starts for the first time.',
  },
  writers: {
    allowed: '1 to 40',
    default: `\`${DEFAULTS.writers}\``,
    doc: 'Processes that write, of those that `weir run` starts.',
  },
  workers: {
    allowed: `1 to ${MAX_WORKERS}`,
    default: `twice the cores, 4 to ${MAX_WORKERS}`,
    doc: 'Writes at once in each writer process.',
  },
  readers: {
    allowed: '1 to 16',
    default: `\`${DEFAULTS.readers}\``,
    doc: 'Chunks of the copy that are read at once.',
  },
  onBadRow: {
    allowed: '`stop`, `park`',
    default: `\`${DEFAULTS.onBadRow}\``,
    doc: 'What happens when the target refuses a row, or a step of `transforms` fails for it: the pipeline stops at it, or the row and later changes of its key are put aside in the target until `weir parked replay` or `discard`, and everything else flows. What is refused only at a commit (deferred constraints) or when constraints are made after the copy stops the pipeline in any case.',
  },
  transforms: {
    allowed: 'list of steps',
    default: 'empty',
    doc: 'What is done to rows in flight, step by step; see [transforms](transforms.md).',
  },
  transformers: {
    allowed: '1 to 40',
    default: `\`${DEFAULTS.transformers}\``,
    doc: 'Processes that transform, of those that `weir run` starts; none where there are no transforms.',
  },
  'nats.url': {
    allowed: '`nats://` or `tls://`, several with commas between',
    default: '`WEIR_NATS_URL`, else a server of its own for the run',
    doc: 'The broker between the services.',
  },
};
