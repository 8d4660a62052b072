import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { MetricDeclarations } from './metric-declaration.ts';

type Instrument<T extends string> = T extends 'counter'
  ? Counter
  : T extends 'gauge'
    ? Gauge
    : Histogram;

/** The instruments of a table of declarations, by their names. */
export type Instruments<D extends MetricDeclarations> = {
  readonly [Name in keyof D]: Instrument<D[Name]['type']>;
};

export function createInstruments<D extends MetricDeclarations>(
  registry: Registry,
  declarations: D,
): Instruments<D> {
  const made = Object.entries(declarations).map(([name, { type, help, labels, buckets }]) => {
    const common = { name, help, labelNames: [...(labels ?? [])], registers: [registry] };
    if (type === 'counter') return [name, new Counter(common)];
    if (type === 'gauge') return [name, new Gauge(common)];
    return [name, new Histogram({ ...common, buckets: [...(buckets ?? [])] })];
  });
  return Object.fromEntries(made) as Instruments<D>;
}

/** Sets a counter to a total that is counted elsewhere. */
export function setTotal(
  counter: Counter,
  labels: Readonly<Record<string, string>>,
  total: number,
): void {
  counter.remove({ ...labels });
  counter.inc({ ...labels }, total);
}

/** Sets a gauge, or takes it away where there is no number to tell: absent is not 0. */
export function setOrRemove(
  gauge: Gauge,
  value: number | null,
  labels: Readonly<Record<string, string>> = {},
): void {
  if (value === null) gauge.remove({ ...labels });
  else gauge.set({ ...labels }, value);
}
