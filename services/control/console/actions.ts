import type { CheckResult, ParkedRowAnswer } from '../api/answers.ts';
import { ask, Refused } from './api.ts';
import { confirm, type Question } from './dialog.ts';
import { model } from './model.ts';

export interface Page {
  render(): void;
  refresh(): Promise<void>;
  notice(text: string | null): void;
}

const QUESTIONS: Readonly<Record<string, (name: string) => Question>> = {
  pause: (name) => ({
    title: `Pause ${name}?`,
    text: 'Nothing more is read until it is resumed. What was read is still written. The source keeps its log meanwhile.',
    yes: 'Pause',
  }),
  stop: (name) => ({
    title: `Stop ${name}?`,
    text: 'What is in flight is finished, and its services end. It goes on from there when it is started again. The source keeps its log meanwhile.',
    yes: 'Stop',
    danger: true,
  }),
  reset: (name) => ({
    title: `Reset ${name}?`,
    text: 'Its slot, publication, streams and state are removed. The copied data stays, but the next start copies everything again.',
    yes: 'Reset',
    danger: true,
  }),
  delete: (name) => ({
    title: `Delete ${name}?`,
    text: 'It is reset, and its file is removed from control. The copied data stays.',
    yes: 'Delete',
    danger: true,
  }),
  discard: () => ({
    title: 'Discard this entry for good?',
    text: 'The target keeps the row as it has it, or lacks it, until a later change brings the whole row.',
    yes: 'Discard',
    danger: true,
  }),
  'discard-all': (name) => ({
    title: `Discard everything that is parked of ${name}?`,
    text: 'The target keeps these rows as it has them, or lacks them, until later changes bring them whole.',
    yes: 'Discard all',
    danger: true,
  }),
};

/** What somebody has pressed. What is refused is said at the top of the page. */
export async function act(what: string, id: string | null, page: Page): Promise<void> {
  const name = model.looked?.name ?? '';
  const question = QUESTIONS[what]?.(name);
  if (question !== undefined && !(await confirm(question))) return;
  page.notice(null);
  try {
    await carryOut(what, name, id, page);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    page.notice(error.message);
  }
  model.working = null;
  await page.refresh();
}

async function carryOut(what: string, name: string, id: string | null, page: Page): Promise<void> {
  const at = `/v1/pipelines/${name}`;
  const work = (text: string): void => {
    model.working = text;
    page.render();
  };
  switch (what) {
    case 'start':
    case 'pause':
    case 'resume':
    case 'stop':
    case 'reset':
      await ask('POST', `${at}/${what}`);
      return;
    case 'delete':
      await ask('DELETE', at);
      location.hash = '#/';
      return;
    case 'compare':
      await ask('POST', `${at}/verifications`);
      return;
    case 'cancel-compare':
      await ask('POST', `${at}/verifications/${id}/cancel`);
      return;
    case 'show-row':
      if (model.looked !== null)
        model.looked.row = await ask<ParkedRowAnswer>('GET', `${at}/parked/${id}`);
      page.render();
      document.getElementById('row-values')?.focus();
      return;
    case 'replay':
    case 'replay-all': {
      work('Replaying…');
      const body = what === 'replay' ? { ids: [Number(id)] } : { all: true };
      const { left } = await ask<{ left: number }>('POST', `${at}/parked/replay`, body);
      if (left > 0) page.notice(`${left} entries were refused again, or wait behind one that was.`);
      return;
    }
    case 'discard':
    case 'discard-all':
      work('Discarding…');
      await ask(
        'POST',
        `${at}/parked/discard`,
        what === 'discard' ? { ids: [Number(id)] } : { all: true },
      );
      return;
    case 'check':
    case 'create':
    case 'create-start':
      return draft(what, page);
  }
}

async function draft(what: 'check' | 'create' | 'create-start', page: Page): Promise<void> {
  const text = (document.getElementById('file-text') as HTMLTextAreaElement | null)?.value ?? '';
  model.draft = { checked: null, problem: null, busy: true };
  page.render();
  try {
    if (what === 'check') {
      const { fit, parts } = await ask<CheckResult>('POST', '/v1/checks', text);
      const findings = parts.flatMap(({ part, findings: of }) => of.map((f) => ({ part, ...f })));
      model.draft.checked = { fit, findings };
    } else {
      const start = what === 'create-start';
      const made = await ask<{ name: string }>('POST', `/v1/pipelines?start=${start}`, text);
      location.hash = `#/p/${made.name}`;
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    model.draft.problem = error.message;
  } finally {
    model.draft.busy = false;
    page.render();
  }
}
