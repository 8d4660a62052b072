import { partTarget } from '../../shared/change/namespace-part.ts';
import type { TransformStep } from '../../shared/config/transform-step.ts';
import { isFor } from './chain.ts';
import { fansOut } from './fans-out.ts';
import { routeTarget } from './steps/route.ts';

/**
 * Which namespace of the target holds which of the source, or which part of one: as the steps say, else as `map` does.
 * What steps route is worked out when it is asked for, as nobody knows all names beforehand.
 */
export function createNamespaceMap(
  map: Readonly<Record<string, string>>,
  steps: readonly TransformStep[],
): Readonly<Record<string, string>> {
  if (!steps.some(({ kind }) => kind === 'route') && !fansOut(steps)) return map;
  return new Proxy(map, {
    get(target, namespace) {
      if (typeof namespace !== 'string') return undefined;
      return partTarget(namespace) ?? routeOf(steps, namespace) ?? target[namespace];
    },
  });
}

function routeOf(steps: readonly TransformStep[], namespace: string): string | null {
  const last = steps.findLast(({ kind, on }) => kind === 'route' && isFor(on, namespace));
  if (last === undefined) return null;
  return routeTarget(last.settings as Parameters<typeof routeTarget>[0], namespace);
}
