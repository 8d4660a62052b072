import type { TransformStep } from '../../shared/config/transform-step.ts';
import { isFor } from './chain.ts';
import type { Shape } from './step.ts';
import { route } from './steps/route.ts';

/**
 * Which namespace of the target holds which of the source: as the steps say, else as `map` does. What steps route is
 * worked out when it is asked for, as nobody knows all names beforehand.
 */
export function createNamespaceMap(
  map: Readonly<Record<string, string>>,
  steps: readonly TransformStep[],
): Readonly<Record<string, string>> {
  if (!steps.some(({ kind }) => kind === 'route')) return map;
  return new Proxy(map, {
    get(target, namespace) {
      if (typeof namespace !== 'string') return undefined;
      return routeOf(steps, namespace) ?? target[namespace];
    },
  });
}

function routeOf(steps: readonly TransformStep[], namespace: string): string | null {
  const last = steps.findLast(({ kind, on }) => kind === 'route' && isFor(on, namespace));
  if (last === undefined) return null;
  // A route looks at the name alone.
  const shape: Shape = { namespace, target: null, identity: 'none', looseKey: false, fields: [] };
  return route.compile(last.settings as string, shape, { env: {} }).shape.target;
}
