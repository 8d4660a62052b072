import type { EventAnswer, Summary } from '../api/answers.ts';
import { h } from './dom.ts';
import { clock, moment } from './format.ts';
import { isCurrent, model, toneOf } from './model.ts';

export function stateBadge({ state, busy }: Pick<Summary, 'state' | 'busy'>): HTMLElement {
  const text = busy === null || busy === 'verify' ? state : `${state}, ${busy}…`;
  return h('span', { class: `state ${toneOf(state)}` }, text);
}

/** Says so where numbers are not of now. */
export function ageNote(summary: Pick<Summary, 'stale' | 'asOf'>): HTMLElement | null {
  if (summary.asOf === null || isCurrent(summary)) return null;
  return h('span', { class: 'old' }, `numbers of ${clock(summary.asOf)}, not of now`);
}

export function share(done: number, total: number, label: string): HTMLElement {
  return h('progress', { max: Math.max(total, 1), value: done, 'aria-label': label });
}

export function emptyNote(title: string, text: string, ...more: HTMLElement[]): HTMLElement {
  return h('div', { class: 'empty' }, h('strong', {}, title), text, ...more);
}

export function eventList(events: readonly EventAnswer[], withPipeline: boolean): HTMLElement {
  if (events.length === 0)
    return emptyNote('Nothing has happened yet', 'Events are kept while control runs.');
  return h(
    'ul',
    { class: 'events' },
    [...events]
      .reverse()
      .slice(0, 300)
      .map((event) =>
        h(
          'li',
          { class: event.level, 'data-key': event.id },
          h('span', { class: 'soft small' }, moment(event.at)),
          h(
            'span',
            {},
            withPipeline && h('a', { href: `#/p/${event.pipeline}` }, event.pipeline),
            withPipeline && ' ',
            h('span', { class: 'what' }, event.text),
            event.by !== null && h('span', { class: 'soft' }, ` · ${event.by}`),
          ),
        ),
      ),
  );
}

export function loading(what: string): HTMLElement {
  return h(
    'p',
    { class: 'loading' },
    model.connected === false ? 'Control cannot be reached.' : `Loading ${what}…`,
  );
}
