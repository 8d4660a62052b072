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
  /** The target's structure is made before by pg_dump, as `weir check` advises where not all of it is carried. */
  isPrepared: boolean;
  /** What the pipeline file has besides its name and ends; `namespaces` goes to the source. */
  pipeline: PipelineOptions;
  steps: Step[];
}

export interface PipelineOptions {
  namespaces?: string[];
  order?: 'key' | 'transaction';
  lanes?: number;
  writers?: number;
  workers?: number;
  readers?: number;
  onBadRow?: 'stop' | 'park';
  transforms?: unknown[];
}

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
  | { do: 'start' }
  | { do: 'await copy' }
  | { do: 'await catch-up' }
  | { do: 'pause'; ms: number }
  | { do: 'kill'; who: 'all' | 'reader' | 'writer' }
  | { do: 'stop' }
  | { do: 'wipe broker' }
  | { do: 'edit'; pipeline: PipelineOptions };

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
  if (found.pipeline.order === 'transaction') features.add('order transaction');
  return features;
}
