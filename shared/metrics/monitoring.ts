import { collectDefaultMetrics, Registry } from 'prom-client';
import { COMMON_METRICS } from './common-metrics.ts';
import { createInstruments, type Instruments } from './instruments.ts';
import type { MetricDeclarations } from './metric-declaration.ts';

export interface MonitoringOptions {
  /** Left out for what is of no single pipeline. */
  pipeline?: string;
  service: string;
  version: string;
}

/**
 * What one service lets others see of it: its metrics, and whether it is ready. Numbers that the service keeps anyway
 * are read when somebody asks (`beforeScrape`), so that measuring costs nothing while nobody does.
 */
export class Monitoring {
  readonly #registry = new Registry();
  readonly #common: Instruments<typeof COMMON_METRICS>;
  readonly #collectors: (() => void)[] = [];
  #readiness: () => string | null = () => 'the service is starting';
  #problem: () => string | null = () => null;

  constructor({ pipeline, service, version }: MonitoringOptions) {
    this.#registry.setDefaultLabels(pipeline === undefined ? { service } : { pipeline, service });
    this.#common = createInstruments(this.#registry, COMMON_METRICS);
    this.#common.weir_service_info.set({ version }, 1);
    this.beforeScrape(() => {
      this.#common.weir_service_ready.set(this.notReady() === null ? 1 : 0);
      this.#common.weir_service_problem.set(this.#problem() === null ? 0 : 1);
    });
  }

  /** `process_*` and `nodejs_*`: they watch the event loop all the time, so only where somebody will ask. */
  collectProcess(): void {
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: 50 });
  }

  create<D extends MetricDeclarations>(declarations: D): Instruments<D> {
    return createInstruments(this.#registry, declarations);
  }

  beforeScrape(collect: () => void): void {
    this.#collectors.push(collect);
  }

  /** A failure after which something begins anew, or which ends the service. */
  failed(code: string): void {
    this.#common.weir_errors_total.inc({ code });
  }

  /** A message of the bus that was passed over. */
  refused(kind: string): void {
    this.#common.weir_messages_refused_total.inc({ kind });
  }

  /** `problem`: set while the service waits to try again. `readiness`: why it does not do its work, null if it does. */
  tell(problem: () => string | null, readiness: () => string | null): void {
    this.#problem = problem;
    this.#readiness = readiness;
  }

  notReady(): string | null {
    return this.#problem() ?? this.#readiness();
  }

  async scrape(): Promise<{ contentType: string; text: string }> {
    for (const collect of this.#collectors) collect();
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }
}
