/**
 * What a service measures, as data: the instruments and `docs/metrics.md` are made from it. Names are
 * `weir_<part>_<noun>_<unit>`, counters end in `_total`, units are base units (seconds, bytes). Labels take values of
 * a small closed set.
 */
export interface MetricDeclaration {
  type: 'counter' | 'gauge' | 'histogram';
  help: string;
  labels?: readonly string[];
  /** Upper bounds, for a histogram. */
  buckets?: readonly number[];
}

export type MetricDeclarations = Readonly<Record<string, MetricDeclaration>>;

/** From a millisecond to ten minutes, for times that span that much. */
export const SECONDS_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
];
