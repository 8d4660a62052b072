import type { Summary } from '../api/answers.ts';
import { h } from './dom.ts';
import { bytes, duration, number, percent, rate, UNKNOWN } from './format.ts';
import { isCurrent, model, toneOf } from './model.ts';
import { ageNote, emptyNote, eventList, loading, share, stateBadge } from './parts.ts';

const ORDER = ['bad', 'warn', 'calm', 'good'];

/** All pipelines at a glance, those that a person must look at first. */
export function fleetView(): HTMLElement[] {
  const { pipelines, control } = model;
  const create =
    control?.mayCreate === true &&
    h('a', { class: 'button primary', href: '#/new' }, 'New pipeline');
  const head = h(
    'div',
    { class: 'bar' },
    h('h1', { tabindex: -1 }, 'Pipelines'),
    pipelines !== null && h('span', { class: 'soft' }, totals([...pipelines.values()])),
    h('span', { class: 'spring' }),
    create,
  );
  if (pipelines === null) return [head, h('div', { class: 'card' }, loading('pipelines'))];
  if (pipelines.size === 0)
    return [
      head,
      h(
        'div',
        { class: 'card' },
        emptyNote(
          'No pipeline yet',
          control?.mayCreate === true
            ? 'Create one from a file, or start services elsewhere on the same broker: they appear here by themselves.'
            : 'Services that start on this broker appear here by themselves.',
        ),
      ),
    ];
  const rows = [...pipelines.values()].sort(
    (a, b) =>
      ORDER.indexOf(toneOf(a.state)) - ORDER.indexOf(toneOf(b.state)) ||
      a.name.localeCompare(b.name),
  );
  const heads = ['Pipeline', 'State', 'Lag', 'Changes/s', 'In flight', 'Copy', 'In broker'];
  return [
    head,
    h(
      'div',
      { class: 'card scroll', tabindex: 0, role: 'region', 'aria-label': 'Pipelines' },
      h(
        'table',
        { class: 'cards' },
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            [...heads, 'Parked'].map((text, at) =>
              h('th', { scope: 'col', class: at > 1 ? 'n' : null }, text),
            ),
          ),
        ),
        h('tbody', {}, rows.map(row)),
      ),
    ),
  ];
}

export function eventsView(): HTMLElement[] {
  return [
    h('h1', { tabindex: -1 }, 'Events'),
    h('div', { class: 'card' }, eventList(model.events, true)),
  ];
}

function row(summary: Summary): HTMLElement {
  const { name, reason, copy } = summary;
  const old = summary.asOf !== null && !isCurrent(summary);
  const cell = (label: string, text: string): HTMLElement =>
    h('td', { class: `n${old && text !== UNKNOWN ? ' stale' : ''}`, 'data-label': label }, text);
  return h(
    'tr',
    { 'data-key': name },
    h('td', { class: 'name wide' }, h('a', { href: `#/p/${name}` }, name)),
    h(
      'td',
      { class: 'wide' },
      stateBadge(summary),
      h('div', { class: 'why' }, reason),
      ageNote(summary),
    ),
    cell('Lag', duration(summary.lagMs)),
    cell('Changes/s', rate(summary.appliedPerSecond)),
    cell('In flight', number(summary.inFlight)),
    h(
      'td',
      { class: `n${old ? ' stale' : ''}`, 'data-label': 'Copy' },
      copy === null
        ? UNKNOWN
        : [
            percent(copy.chunksDone, copy.chunksTotal),
            copy.chunksDone < copy.chunksTotal &&
              share(copy.chunksDone, copy.chunksTotal, `copy of ${name}`),
          ],
    ),
    cell('In broker', bytes(summary.brokerBytes)),
    cell('Parked', number(summary.parked)),
  );
}

function totals(all: readonly Summary[]): string {
  const count = (tone: string): number => all.filter(({ state }) => toneOf(state) === tone).length;
  const trouble = count('bad') + count('warn');
  const calm = `${all.length} in all`;
  return trouble === 0 ? calm : `${calm}, ${trouble} ${trouble === 1 ? 'needs' : 'need'} attention`;
}
