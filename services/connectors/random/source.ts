import type { Relation } from '../../../shared/change/relation.ts';
import { parseNamespacePattern } from '../../../shared/config/namespace-pattern.ts';
import { requirePatternsMatch } from '../../../shared/config/unmatched-names.ts';
import type { EndOptions } from '../../../shared/connector/end-options.ts';
import type { Finding } from '../../../shared/connector/finding.ts';
import { TUPLES } from '../../../shared/connector/data-type.ts';
import type { NamespacePlan, PipelinePlan } from '../../../shared/connector/plan.ts';
import type { Source, SourceCheck, SourceScope } from '../../../shared/connector/source.ts';
import type { Chunk } from '../../../shared/connector/chunk.ts';
import { findingsOf } from '../../../shared/connector/to-finding.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { LOG_START } from './change-log.ts';
import { ChangeSchedule } from './change-schedule.ts';
import { relationOf } from './row-generator.ts';
import { type RandomSlice, type RandomSnapshot, RandomSession } from './session.ts';
import { identityOf, parseRandomUrl, type RandomSettings } from './settings.ts';

/**
 * Rows and changes that follow from a seed: the same seed gives the same, wherever a reader begins. The copy is how
 * everything was before the first change, so it never ages, and nothing has to be kept for it.
 */
export function createRandomSource({ url }: EndOptions): Source {
  const settings = parseRandomUrl(url);
  const schedule = new ChangeSchedule(settings);
  return {
    async check(scope, known) {
      const check = checkSource(settings, scope);
      if (known)
        check.findings.push(
          ...(await findingsOf('source', () =>
            continued(known, settings, relationsIn(settings, scope)),
          )),
        );
      return check;
    },
    async open(scope, known) {
      const relations = relationsIn(settings, scope);
      if (relations.every((each) => each === undefined))
        throw new WeirError('SOURCE_UNFIT', noneMatches(settings));
      const plan =
        known === null
          ? newPlan(settings, scope, relations)
          : continued(known, settings, relations);
      return new RandomSession(settings, schedule, plan, relations);
    },
    readRetention: () => Promise.resolve(null),
    giveUpPosition: (reason) => Promise.resolve(new WeirError('RETENTION_LIMIT', reason)),
    reset: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

/** By number; undefined where the pipeline leaves the namespace out. */
export function relationsIn(
  settings: RandomSettings,
  scope: Pick<SourceScope, 'namespaces'>,
): (Relation | undefined)[] {
  const patterns = scope.namespaces?.map(parseNamespacePattern);
  const all = Array.from({ length: settings.namespaces }, (_, n) => relationOf(n).namespace);
  requirePatternsMatch(scope.namespaces, all);
  return Array.from({ length: settings.namespaces }, (_, number) => {
    const relation = relationOf(number);
    const isIn = patterns?.some((pattern) => pattern.matches(relation.namespace)) ?? true;
    return isIn ? relation : undefined;
  });
}

function checkSource(settings: RandomSettings, scope: SourceScope): SourceCheck {
  const relations = relationsIn(settings, scope).filter((each) => each !== undefined);
  const finding: Finding =
    relations.length === 0
      ? { level: 'error', subject: 'namespaces', message: noneMatches(settings) }
      : {
          level: 'ok',
          subject: 'data',
          message: `${relations.length} namespaces of ${settings.rows} rows, then ${settings.changes === Infinity ? 'changes without end' : `${settings.changes} changes`}`,
        };
  return {
    findings: [finding],
    relations: relations.map((relation) => ({ relation, definition: null })),
  };
}

function noneMatches({ namespaces }: RandomSettings): string {
  return `no namespace matches source.namespaces; there are random.table_1 to random.table_${namespaces}`;
}

function newPlan(
  settings: RandomSettings,
  scope: SourceScope,
  relations: readonly (Relation | undefined)[],
): PipelinePlan {
  const snapshot: RandomSnapshot = { madeAtMs: Date.now() };
  const ids = { last: 0 };
  return {
    identity: identityOf(settings),
    start: LOG_START,
    snapshot,
    lanes: scope.lanes,
    namespaces: relations
      .filter((each) => each !== undefined)
      .map((relation): NamespacePlan => ({
        relation,
        definition: null,
        start: LOG_START,
        settled: LOG_START,
        state: 'new',
        chunks: scope.mode === 'changes' ? [] : chunksOf(settings, relation, ids),
        chunksDone: 0,
        rowsDone: 0,
      })),
  };
}

function chunksOf(settings: RandomSettings, relation: Relation, ids: { last: number }): Chunk[] {
  const chunks: Chunk[] = [];
  for (let from = 1; from <= settings.rows; from += settings.chunk) {
    const cursor: RandomSlice = { from, to: Math.min(settings.rows, from + settings.chunk - 1) };
    chunks.push({
      id: ++ids.last,
      namespace: relation.namespace,
      cursor,
      how: 'load',
      dataType: TUPLES,
      estimatedRows: cursor.to - cursor.from + 1,
      estimatedBytes: (cursor.to - from + 1) * settings.size,
    });
  }
  return chunks;
}

/** The rest of a known plan is as good as ever: its chunks show the instant before all changes. */
function continued(
  known: PipelinePlan,
  settings: RandomSettings,
  relations: readonly (Relation | undefined)[],
): PipelinePlan {
  const names = relations.flatMap((each) => (each === undefined ? [] : [each.namespace]));
  const planned = known.namespaces.map(({ relation }) => relation.namespace);
  const same = [...names].sort().join() === [...planned].sort().join();
  if (known.identity !== identityOf(settings) || !same)
    throw new WeirError(
      'CONFIG_INVALID',
      `the pipeline was made with ${known.identity} and ${planned.length} namespaces; set source.url and source.namespaces back (only changes, rate and chunk may differ), or run \`weir reset\` and copy again`,
    );
  return known;
}
