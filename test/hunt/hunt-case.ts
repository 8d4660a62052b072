/** One database with everything that happens to it: plain data, so that parts of it can be left out and it can be written down. */
export interface HuntCase {
  seed: number;
  /** At the server as superuser before anything else; `{source}`, `{target}` are the databases, `{reader}`, `{writer}` the roles. */
  settings: Statement[];
  /** Whether the pipeline reads and writes with roles of its own that are no superusers. */
  roles: { source: boolean; target: boolean };
  schema: Statement[];
  rows: Statement[];
  /** At the target before the pipeline. */
  target: Statement[];
  /**
   * The target's structure is made before by pg_dump, as `weir check` advises where not all of it is carried. With
   * `mode: changes` the rows, too, whatever this says.
   */
  isPrepared: boolean;
  /** Something of it is of a later version than the target. */
  isNewer?: boolean;
  /** What the pipeline file has besides its name and ends; `namespaces` goes to the source. */
  pipeline: PipelineOptions;
  steps: Step[];
}

export interface PipelineOptions {
  namespaces?: string[];
  mode?: 'snapshot' | 'changes';
  order?: 'key' | 'transaction';
  map?: Record<string, string>;
  lanes?: number;
  writers?: number;
  workers?: number;
  readers?: number;
  onBadRow?: 'stop' | 'park';
  transforms?: TransformStep[];
  transformers?: number;
  /** Goes to the source. */
  onWaitingDdl?: 'giveWay' | 'wait';
  /** Goes to the target. */
  create?: 'missing' | 'never';
}

/** As the pipeline file has it; what it makes of rows is worked out anew by `judge/expected-rows.ts`. */
export type TransformStep = { on?: string[] } & Partial<{
  filter: string;
  keep: string[];
  drop: string[];
  rename: Record<string, string>;
  redact: string[] | Record<string, string>;
  hash: string[];
  truncate: Record<string, number>;
  cast: Record<string, string>;
  set: Record<string, string>;
  route: string | { cel: string; to: string[] };
}>;

export interface Statement {
  /** The whole of it, or what stands before its parts. */
  sql: string;
  /** In parentheses, with commas between; each can be left out. */
  parts?: Part[];
  tail?: string;
  /** Of an INSERT: columns and values; a column that is not there is left out. */
  cells?: [column: string, value: string][];
  /** What may be refused because of this; see `allowed-refusals.ts`. */
  feature?: string;
}

export interface Part {
  sql: string;
  feature?: string;
}

export type Step =
  /** `each` commits every statement by itself; a statement that fails is as if it were not there. */
  | { do: 'sql'; end: 'each' | 'commit' | 'rollback'; statements: Statement[] }
  /** The first phase of a commit in two; what is never finished is committed before the end is waited for. */
  | { do: 'sql'; end: 'prepare'; name: string; statements: Statement[] }
  | { do: 'finish prepared'; name: string; end: 'commit' | 'rollback' }
  /** Something happens to the connections of the pipeline to that server, and is over so much later. */
  | { do: 'network'; at: ServerName; how: NetworkFault; ms: number }
  | { do: 'start' }
  | { do: 'await copy' }
  | { do: 'await catch-up' }
  | { do: 'pause'; ms: number }
  | { do: 'kill'; who: 'all' | 'reader' | 'writer' }
  | { do: 'stop' }
  | { do: 'wipe broker' }
  | { do: 'edit'; pipeline: PipelineOptions };

export type ServerName = 'source' | 'target' | 'broker';

/**
 * `cut`: every connection is reset once. `refuse`: also, nobody is let in meanwhile. `hold`: nothing arrives meanwhile.
 * `lose`: the connections of now lead nowhere, and nobody is told. `lose answer`: a commit is done, and its answer lost.
 */
export type NetworkFault = 'cut' | 'refuse' | 'hold' | 'lose' | 'lose answer';

export function renderStatement({ sql, parts, tail, cells }: Statement): string {
  if (cells !== undefined) {
    if (cells.length === 0) return `${sql} DEFAULT VALUES`;
    const columns = cells.map(([column]) => `"${column.replaceAll('"', '""')}"`);
    return `${sql} (${columns.join(', ')})${tail ?? ''} VALUES (${cells.map(([, value]) => value).join(', ')})`;
  }
  if (parts === undefined) return sql;
  return `${sql} (${parts.map((part) => part.sql).join(', ')})${tail ?? ''}`;
}

/** Every feature that some part of the case has. */
export function featuresOf(found: HuntCase): Set<string> {
  const features = new Set<string>();
  const look = ({ feature, parts }: Statement): void => {
    if (feature !== undefined) features.add(feature);
    for (const part of parts ?? []) if (part.feature !== undefined) features.add(part.feature);
  };
  for (const list of [found.settings, found.schema, found.rows, found.target]) list.forEach(look);
  for (const step of found.steps) if (step.do === 'sql') step.statements.forEach(look);
  if (found.roles.source) features.add('role at the source');
  if (found.roles.target) features.add('role at the target');
  if (found.steps.some((step) => step.do === 'edit')) features.add('edit');
  const { order, mode, map, transforms } = found.pipeline;
  if (order === 'transaction') features.add('order transaction');
  if (map !== undefined) features.add('map');
  if (mode !== undefined) features.add(`mode ${mode}`);
  if (transforms !== undefined) features.add('transforms');
  if (found.steps.some((step) => step.do === 'network')) features.add('network');
  if (found.steps.some((step) => step.do === 'finish prepared')) features.add('two phases');
  if (found.isNewer) features.add('newer than the target');
  return features;
}
