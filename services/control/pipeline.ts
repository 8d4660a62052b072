import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import type { ServiceStatus } from '../../shared/progress/status.ts';
import type { Pipeline as PipelineAnswer, Summary } from './api/answers.ts';
import { ACTIONS, conditionOf, transition, type Action, type Facts } from './condition.ts';
import type { EventLog } from './event-log.ts';
import { LastStatus } from './last-status.ts';
import { History } from './history.ts';
import type { RunEnd, RunningPipeline } from './host.ts';
import { doingOf, numbersOf, servicesOf, specOf } from './summary.ts';
import { calm, levelOf } from '../../shared/progress/state-level.ts';
import { redactUrls } from '../../shared/config/redact-url.ts';

/** Where control has a pipeline from; what it may do with it follows from that. */
export interface Origin {
  kind: 'created' | 'file' | 'heard';
  file: string | null;
  spec: PipelineSpec | null;
}

/** One pipeline as this control knows it: its file, what it has started of it, and what is heard of it. */
export class Pipeline {
  readonly name: string;
  readonly heard = new LastStatus();
  readonly history = new History();
  origin: Origin;
  run: RunningPipeline | null = null;
  lastEnd: RunEnd | null = null;
  hasRun = false;
  busy: Action | null = null;
  readonly #mayRun: boolean;
  readonly #events: EventLog;
  #told: {
    state: Summary['state'] | null;
    problem: string | null;
    parked: number | null;
    unmet: number | null;
  } = { state: null, problem: null, parked: null, unmet: null };

  constructor(name: string, origin: Origin, options: { mayRun: boolean; events: EventLog }) {
    this.name = name;
    this.origin = origin;
    this.#mayRun = options.mayRun;
    this.#events = options.events;
  }

  onStatus(status: ServiceStatus, nowMs: number): void {
    this.heard.add(status, nowMs);
    if (status.service === 'stats') return;
    this.hasRun = true;
    if (this.run === null) this.lastEnd = null;
  }

  facts(nowMs: number): Facts {
    const heard = conditionOf(this.heard.services(nowMs));
    const standing = this.hasRun || this.lastEnd !== null ? 'ended' : 'created';
    return {
      condition: heard ?? (this.run === null ? standing : 'running'),
      hasFile: this.origin.spec !== null,
      mayRun: this.#mayRun,
      ownsFile: this.origin.kind === 'created',
      busy: this.busy,
    };
  }

  summary(nowMs: number): Summary {
    const facts = this.facts(nowMs);
    const refusal = (action: Action): string | null => {
      const step = transition(facts, action);
      return 'refused' in step ? step.refused : null;
    };
    const { run, lastEnd, hasRun } = this;
    return {
      name: this.name,
      ...doingOf(this.heard, { runsHere: run !== null, lastEnd, hasRun }, nowMs),
      origin: this.origin.kind,
      runsHere: run !== null,
      busy: this.busy,
      allowed: Object.fromEntries(
        ACTIONS.map((action) => [action, refusal(action)]),
      ) as Summary['allowed'],
      ...numbersOf(this.heard, nowMs),
    };
  }

  detail(nowMs: number): PipelineAnswer {
    return {
      ...this.summary(nowMs),
      spec: specOf(this.origin.spec),
      services: servicesOf(this.heard, nowMs),
      retention: this.heard.reader(nowMs)?.retention ?? null,
    };
  }

  /** Samples the numbers for charts, and tells what is new. */
  tick(nowMs: number): Summary {
    const summary = this.summary(nowMs);
    const { lagMs, appliedPerSecond, copiedRowsPerSecond, inFlight, brokerBytes } = summary;
    const known = summary.asOf !== null && !summary.stale;
    this.history.add({
      atMs: nowMs,
      appliedPerSecond: known ? appliedPerSecond : null,
      copiedRowsPerSecond: known ? copiedRowsPerSecond : null,
      lagMs: known ? lagMs : null,
      inFlight: known ? inFlight : null,
      brokerBytes: known ? brokerBytes : null,
    });
    this.#tell(summary);
    return summary;
  }

  #tell({ state, reason, problems, parked, unmet }: Summary): void {
    const before = this.#told;
    const problem = problems[0] ?? null;
    this.#told = { state, problem, parked: parked ?? before.parked, unmet: unmet ?? before.unmet };
    if (before.state !== null && calm(state) !== calm(before.state))
      this.tell('state', eventLevel(state), `${before.state} → ${state}: ${reason}`);
    if (problem !== null && problem !== before.problem) this.tell('problem', 'warning', problem);
    this.#tellMore('parked', 'parked entries', before.parked, parked);
    this.#tellMore('unmet', 'changes of rows that the target did not have', before.unmet, unmet);
  }

  #tellMore(
    kind: 'parked' | 'unmet',
    what: string,
    before: number | null,
    now: number | null,
  ): void {
    if (now === null || now <= (before ?? 0)) return;
    // How many there were before this control looked, nobody knows.
    const more = before === null ? '' : `${now - before} more, `;
    this.tell(kind, 'warning', `${what}: ${more}${now}${more === '' ? '' : ' in all'}`);
  }

  tell(
    kind: Parameters<EventLog['add']>[0]['kind'],
    level: Parameters<EventLog['add']>[0]['level'],
    text: string,
    by: string | null = null,
  ): void {
    this.#events.add({ pipeline: this.name, kind, level, text: redactUrls(text), by });
  }
}

function eventLevel(state: Summary['state']): 'info' | 'warning' | 'error' {
  if (state === 'created' || state === 'ended') return 'info';
  const level = levelOf(state);
  return level === 'warn' ? 'warning' : level;
}
