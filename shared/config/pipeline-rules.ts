import type { PipelineForm } from './pipeline-schema.ts';
import { natsUrlProblem, storeIdentity, storeUrlProblem, type UrlSchemes } from './url-scheme.ts';

/** One thing that is wrong: at which key, and what is allowed there. */
export interface PipelineProblem {
  path: readonly PropertyKey[];
  message: string;
}

type DeepPartial<T> = { [K in keyof T]?: T[K] extends object ? DeepPartial<T[K]> : T[K] };

/** What cannot be said of one value alone. Takes what could be read of a file that may have other problems too. */
export function* pipelineProblems(
  form: DeepPartial<PipelineForm>,
  schemes: UrlSchemes,
): Generator<PipelineProblem> {
  if (form.order === 'transaction' && typeof form.lanes === 'number' && form.lanes > 1)
    yield {
      path: ['lanes'],
      message:
        'must be 1 or left out with order: transaction, because the order of commits is one order; use order: key for more lanes',
    };
  if (form.order === 'transaction' && form.onBadRow === 'park')
    yield {
      path: ['onBadRow'],
      message:
        'must be stop with order: transaction, because a transaction is applied whole or not at all',
    };
  const retention = form.source?.retention;
  if (retention?.onLimit === 'stop' && retention.limit === undefined)
    yield {
      path: ['source', 'retention', 'onLimit'],
      message: 'is stop, which needs source.retention.limit, e.g. 50GB',
    };
  yield* urlProblems(form, schemes);
  yield* mapProblems(form);
}

function* urlProblems(
  form: DeepPartial<PipelineForm>,
  schemes: UrlSchemes,
): Generator<PipelineProblem> {
  const identities: (string | null)[] = [];
  for (const end of ['source', 'target'] as const) {
    const url = form[end]?.url;
    if (typeof url !== 'string') continue;
    const message = storeUrlProblem(url, schemes);
    if (message !== null) yield { path: [end, 'url'], message };
    else identities.push(storeIdentity(url, schemes));
  }
  const [source, target] = identities;
  if (source !== undefined && source !== null && source === target)
    yield {
      path: ['target', 'url'],
      message: 'is the same database as source.url; a pipeline must end in another one',
    };
  const nats = form.nats?.url;
  if (typeof nats === 'string') {
    const message = natsUrlProblem(nats);
    if (message !== null) yield { path: ['nats', 'url'], message };
  }
}

function* mapProblems(form: DeepPartial<PipelineForm>): Generator<PipelineProblem> {
  const map = form.map;
  if (typeof map !== 'object') return;
  const sourceOf = new Map<string, string>();
  for (const [from, to] of Object.entries(map)) {
    if (typeof to !== 'string') continue;
    if (/[*?]/.test(from + to))
      yield {
        path: ['map', from],
        message: 'must name one namespace on each side, without * or ?',
      };
    if (to === '') yield { path: ['map', from], message: 'must not be empty' };
    const other = sourceOf.get(to);
    if (other !== undefined)
      yield {
        path: ['map', from],
        message: `goes to ${to}, and so does ${other}; each needs its own`,
      };
    sourceOf.set(to, from);
  }
  const listed = Array.isArray(form.source?.namespaces) ? form.source.namespaces : [];
  for (const namespace of listed) {
    const other = typeof namespace === 'string' ? sourceOf.get(namespace) : undefined;
    if (other !== undefined && !(String(namespace) in map))
      yield {
        path: ['map', other],
        message: `goes to ${String(namespace)}, where ${String(namespace)} of the source goes already`,
      };
  }
}
