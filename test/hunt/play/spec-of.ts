import type { PipelineOptions } from '../hunt-case.ts';

/** The pipeline file of a case, its ends given. */
export function specOf(
  name: string,
  { namespaces, onWaitingDdl, create, ...more }: PipelineOptions,
  urls: { source: string; target: string; broker: string },
): Record<string, unknown> {
  return {
    name,
    source: { url: urls.source, ...given({ namespaces, onWaitingDdl }) },
    target: { url: urls.target, ...given({ create }) },
    nats: { url: urls.broker },
    ...more,
  };
}

function given(options: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
