import { TUPLES } from '../../../../shared/connector/data-type.ts';
import type { PipelinePlan } from '../../../../shared/connector/plan.ts';
import type { SourceScope } from '../../../../shared/connector/source.ts';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import type { SourceTable } from '../catalog/catalog.ts';
import type { ServerFacts } from '../connection/server-facts.ts';

/** How the changes of all tables come, why where that is text, and what it was where it was another form before. */
export interface ChangeForm {
  encoding: 'binary' | 'text';
  reasons: string[];
  was?: 'binary' | 'text';
}

/** Throws CONFIG_INVALID where the lanes cannot go on with the form that the changes have now: `requireKnownLanes`. */
export function changeForm(
  scope: Pick<SourceScope, 'dataType' | 'reached'>,
  facts: Pick<ServerFacts, 'version'>,
  tables: readonly Pick<SourceTable, 'namespace' | 'textColumns' | 'isBinarySafe'>[],
  known: PipelinePlan | null,
): ChangeForm {
  const reasons = textReasons(scope, facts, tables, known);
  const encoding = reasons.length === 0 ? 'binary' : 'text';
  if (known === null) return { encoding, reasons };
  requireKnownLanes(known, encoding, scope.reached);
  const columns = known.namespaces.flatMap(({ relation }) => relation.columns);
  const was = columns.some((column) => column.encoding === 'binary') ? 'binary' : 'text';
  return { encoding, reasons, ...(columns.length > 0 && was !== encoding && { was }) };
}

/**
 * Why the changes of all tables come as text; empty where they come in binary. The log has one form for the whole stream,
 * while each copy has that of its table.
 */
export function textReasons(
  { dataType }: Pick<SourceScope, 'dataType'>,
  { version }: Pick<ServerFacts, 'version'>,
  tables: readonly Pick<SourceTable, 'namespace' | 'textColumns' | 'isBinarySafe'>[],
  known: PipelinePlan | null,
): string[] {
  if (dataType === TUPLES) return ['the other end takes text'];
  if (version < 140_000) return ['PostgreSQL 13 sends text only'];
  // What it hashed was the key as it came, which is not to become another one for no need.
  const isUnrouted = known?.namespaces.some(
    ({ relation: { order, route, columns } }) =>
      order === 'key' && route === undefined && columns[0]?.encoding === 'text',
  );
  const inText = tables.find(({ isBinarySafe }) => !isBinarySafe);
  if (isUnrouted === true && inText !== undefined)
    return [`an earlier version began in text, for ${inText.namespace}`];
  return tables.flatMap(({ namespace, textColumns }) =>
    textColumns.map((column) => `${namespace}: ${column}`),
  );
}

/**
 * Plans of earlier versions do not record what lanes follow from: it was the key as it was encoded. Where the stream
 * has another form by now, it is not known which of the changes behind the lane furthest behind the others have.
 */
export function requireKnownLanes(
  known: PipelinePlan,
  encoding: 'binary' | 'text',
  reached: SourceScope['reached'],
): void {
  if (reached === undefined || reached.least === reached.most) return;
  const unknown = known.namespaces.find(
    ({ relation }) =>
      relation.order === 'key' &&
      relation.route === undefined &&
      relation.columns[0]?.encoding !== encoding,
  );
  if (unknown === undefined) return;
  const [was, cause] =
    encoding === 'text'
      ? ['binary', 'a column without a portable binary form was added, or `transforms` were']
      : ['text', 'such a column is gone, `transforms` are, or the source was upgraded'];
  throw new WeirError(
    'CONFIG_INVALID',
    `an earlier version of Weir spread the changes of ${unknown.relation.namespace} over the lanes by their keys in ${was} form, which the source sends in ${encoding} form now (${cause}), and the lanes stand at different places; undo that, start the pipeline and stop it again when it has caught up, then repeat it; or run \`weir reset\` and copy again`,
  );
}
