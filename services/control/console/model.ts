import type {
  BalanceAnswer,
  ControlAnswer,
  EventAnswer,
  LanesAnswer,
  ParkedAnswer,
  ParkedRowAnswer,
  Pipeline,
  Summary,
  Verification,
} from '../api/answers.ts';
import type { Sample } from '../history.ts';

/** What is known of the pipeline that is looked at; undefined: not asked yet. */
export interface Looked {
  name: string;
  detail?: Pipeline;
  counts?: BalanceAnswer;
  lanes?: LanesAnswer;
  parked?: ParkedAnswer;
  row?: ParkedRowAnswer;
  verifications?: Verification[];
  samples: Sample[];
  /** Why it cannot be shown. */
  problem?: string;
}

export interface Model {
  control: ControlAnswer | null;
  /** Null: nothing has been heard yet. */
  pipelines: Map<string, Summary> | null;
  events: EventAnswer[];
  connected: boolean | null;
  lostAtMs: number | null;
  looked: Looked | null;
  /** Of the page where a file is written. */
  draft: { checked: CheckedDraft | null; problem: string | null; busy: boolean };
  /** What is under way in this page, such as a replay. */
  working: string | null;
}

export interface CheckedDraft {
  fit: boolean;
  findings: { part: string; level: string; subject: string; message: string }[];
}

export const model: Model = {
  control: null,
  pipelines: null,
  events: [],
  connected: null,
  lostAtMs: null,
  looked: null,
  draft: { checked: null, problem: null, busy: false },
  working: null,
};

export type Tone = 'good' | 'warn' | 'bad' | 'calm';

export function toneOf(state: Summary['state']): Tone {
  if (['following', 'idle', 'finished'].includes(state)) return 'good';
  if (['stuck', 'unbalanced', 'failed', 'down'].includes(state)) return 'bad';
  return state === 'behind' ? 'warn' : 'calm';
}

/** Whether its numbers are of now: told lately, and heard of through a connection that is there. */
export function isCurrent(summary: Pick<Summary, 'stale' | 'asOf'>): boolean {
  return model.connected === true && summary.asOf !== null && !summary.stale;
}
