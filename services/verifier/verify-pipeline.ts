import type { Relation } from '../../shared/change/relation.ts';
import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import type { Verifier } from '../../shared/connector/verifier.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import type { Comparison, Difference } from './comparison.ts';
import { settle } from './settle.ts';
import { findSuspiciousKeys } from './suspicious-keys.ts';

export interface VerifyReport {
  pipeline: string;
  equal: boolean;
  /** Rows at the source that were compared. */
  rows: number;
  namespaces: NamespaceReport[];
}

export interface NamespaceReport {
  namespace: string;
  target: string;
  state: 'equal' | 'different' | 'unsettled' | 'absent' | 'other shape';
  rows: number;
  differences: Difference[];
  /** Keys that changed at the source for as long as they were watched. */
  unsettled: string[];
  /** There may be more differences than are listed. */
  capped: boolean;
  /** Columns of the source that the target does not have. */
  missingColumns: string[];
  /** Columns that have another type at the target; equal is what that makes of a value. */
  mapped: string[];
  /** Values of these columns that the target's types change on purpose. */
  changed: number;
}

export interface VerifyOptions {
  /** How long a change may be in flight before it counts as lost. */
  settleMs?: number;
  delayMs?: number;
  /** Differences listed for each namespace. */
  most?: number;
  onNamespace?: (report: NamespaceReport) => void;
  signal?: AbortSignal;
}

/** Rounds over a namespace in which more rows were in flight than can be watched at once. */
const ROUNDS = 3;

/** Compares all namespaces of a pipeline at both ends; safe while changes flow. */
export async function verifyPipeline(
  {
    name,
    source: { namespaces },
    map,
  }: Pick<PipelineSpec, 'name' | 'map'> & {
    source: Pick<PipelineSpec['source'], 'namespaces'>;
  },
  { source, target }: { source: Verifier; target: Verifier },
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const relations = await source.relations('source', namespaces);
  const held = await target.relations('target');
  if (relations.length === 0)
    throw new WeirError(
      'SOURCE_UNFIT',
      'the source has no namespace that this pipeline carries; correct source.namespaces',
    );
  const byName = new Map(held.map((relation) => [relation.namespace, relation]));
  const reports: NamespaceReport[] = [];
  for (const relation of relations) {
    options.signal?.throwIfAborted();
    const targetNamespace = map[relation.namespace] ?? relation.namespace;
    const comparison = { relation, source, target, targetNamespace };
    const report = await compareNamespace(comparison, byName.get(targetNamespace), options);
    options.onNamespace?.(report);
    reports.push(report);
  }
  return {
    pipeline: name,
    equal: reports.every((report) => report.state === 'equal'),
    rows: reports.reduce((sum, report) => sum + report.rows, 0),
    namespaces: reports,
  };
}

async function compareNamespace(
  comparison: Comparison,
  held: Relation | undefined,
  options: VerifyOptions,
): Promise<NamespaceReport> {
  const report = await compareRows(comparison, held, options);
  const mapped = comparison.source.mapped?.(comparison.relation) ?? [];
  return {
    ...report,
    mapped: mapped.map(({ said, changed }) =>
      changed === 0 ? said : `${said}: ${changed.toLocaleString('en')} changed`,
    ),
    changed: mapped.reduce((sum, { changed }) => sum + changed, 0),
  };
}

async function compareRows(
  comparison: Comparison,
  held: Relation | undefined,
  { settleMs = 10_000, delayMs = 500, most = 10_000, signal }: VerifyOptions,
): Promise<NamespaceReport> {
  const { relation, targetNamespace } = comparison;
  const report: NamespaceReport = {
    namespace: relation.namespace,
    target: targetNamespace,
    state: 'equal',
    rows: 0,
    differences: [],
    unsettled: [],
    capped: false,
    missingColumns: [],
    mapped: [],
    changed: 0,
  };
  if (held === undefined) return { ...report, state: 'absent' };
  const columns = new Set(held.columns.map((column) => column.name));
  const missingColumns = relation.columns
    .map(({ name }) => name)
    .filter((name) => !columns.has(name));
  if (missingColumns.length > 0) return { ...report, state: 'other shape', missingColumns };

  for (let round = 1; ; round++) {
    const suspicion = await findSuspiciousKeys(comparison, most);
    const settled = await settle(comparison, suspicion.keys, { settleMs, delayMs, signal });
    Object.assign(report, settled, { rows: suspicion.rows, capped: suspicion.capped });
    if (settled.differences.length > 0) return { ...report, state: 'different' };
    if (settled.unsettled.length > 0) return { ...report, state: 'unsettled' };
    if (!suspicion.capped) return report;
    // All that was watched arrived, but there was more: look again at what is left by now.
    if (round === ROUNDS) return { ...report, state: 'unsettled' };
  }
}
