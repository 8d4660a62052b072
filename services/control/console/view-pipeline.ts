import type { Pipeline } from '../api/answers.ts';
import { chartFrames } from './charts.ts';
import { h } from './dom.ts';
import { bytes, duration, number, rate } from './format.ts';
import { isCurrent, type Looked, model } from './model.ts';
import { ageNote, emptyNote, eventList, loading, stateBadge } from './parts.ts';
import { picture } from './picture.ts';
import { comparePanel } from './panel-compare.ts';
import { detailsPanel } from './panel-details.ts';
import { lanesPanel, tablesPanel } from './panel-tables.ts';
import { parkedPanel } from './panel-parked.ts';

export const TABS = {
  tables: 'Tables',
  lanes: 'Lanes',
  parked: 'Parked rows',
  compare: 'Compare',
  events: 'Events',
  details: 'Details',
} as const;

export type Tab = keyof typeof TABS;

const BUTTONS = ['start', 'resume', 'pause', 'stop'] as const;

/** One pipeline: what it does, what may be asked of it, and what became of every row. */
export function pipelineView(looked: Looked, tab: Tab): HTMLElement[] {
  const { name, problem } = looked;
  if (problem !== undefined)
    return [
      h('h1', { tabindex: -1 }, name),
      h(
        'div',
        { class: 'card' },
        emptyNote(
          'It cannot be shown',
          problem,
          h('p', {}, h('a', { href: '#/' }, 'All pipelines')),
        ),
      ),
    ];
  const summary = model.pipelines?.get(name);
  if (looked.detail === undefined)
    return [h('h1', { tabindex: -1 }, name), h('div', { class: 'card' }, loading(name))];
  const detail: Pipeline = { ...looked.detail, ...summary };
  return [
    head(detail),
    picture(detail, looked.lanes),
    tiles(detail),
    chartFrames(detail, looked.samples),
    h('div', { class: 'card' }, tabs(name, tab, detail), panel(looked, detail, tab)),
  ];
}

function head(detail: Pipeline): HTMLElement {
  const { name, allowed, stateMs } = detail;
  return h(
    'div',
    {},
    h(
      'div',
      { class: 'bar' },
      h('h1', { tabindex: -1 }, name),
      stateBadge(detail),
      stateMs !== null && h('span', { class: 'soft small' }, `for ${duration(stateMs)}`),
      ageNote(detail),
      h('span', { class: 'spring' }),
      // Both let it run: one of them says what it is.
      BUTTONS.filter((action) => action !== (allowed.resume === null ? 'start' : 'resume')).map(
        (action) =>
          h(
            'button',
            {
              type: 'button',
              class:
                ['start', 'resume'].includes(action) && allowed[action] === null ? 'primary' : null,
              'data-do': action,
              'data-key': action,
              disabled: allowed[action] !== null,
              title: allowed[action],
            },
            action[0]!.toUpperCase() + action.slice(1),
          ),
      ),
    ),
    h('p', { class: 'soft' }, detail.reason),
    detail.problems.map((problem) => h('p', { class: 'wrong' }, problem)),
    detail.warnings.map((warning) => h('p', { class: 'soft wrap' }, `Attention: ${warning}`)),
    (detail.unmet ?? 0) > 0 &&
      h(
        'p',
        { class: 'wrong' },
        `${number(detail.unmet)} of the applied changes met no row at the target: somebody removed rows there, or it did not hold them from the start. Compare both ends.`,
      ),
  );
}

function tiles(detail: Pipeline): HTMLElement {
  const { copy, retention } = detail;
  const copying = copy !== null && copy.chunksDone < copy.chunksTotal;
  const tile = (label: string, value: string, more: string | null = null): HTMLElement =>
    h(
      'div',
      { class: 'tile' },
      h('dt', {}, label),
      h('dd', {}, h('span', { class: 'value' }, value), more !== null && h('small', {}, more)),
    );
  const old = detail.asOf !== null && !isCurrent(detail);
  return h(
    'dl',
    { class: `card tiles${old ? ' stale' : ''}` },
    copying
      ? tile('Rows copied', number(copy.rowsDone), `${rate(detail.copiedRowsPerSecond)} a second`)
      : tile(
          'Lag',
          duration(detail.lagMs),
          detail.bytesBehind === null
            ? 'of the slowest lane'
            : `${bytes(detail.bytesBehind)} of log behind`,
        ),
    copying
      ? tile(
          'Time left',
          duration(copy.leftMs),
          copy.bytesTotal === 0
            ? `${copy.chunksDone} of ${copy.chunksTotal} chunks`
            : `${bytes(copy.bytesDone)} of about ${bytes(copy.bytesTotal)}`,
        )
      : tile('Changes a second', rate(detail.appliedPerSecond), 'applied at the target'),
    tile('In flight', number(detail.inFlight), 'changes read and not accounted for yet'),
    tile(
      'Balance',
      detail.balanced === null ? '–' : detail.balanced ? 'exact' : 'differs',
      'read = applied + filtered + parked + discarded + in flight',
    ),
    tile('Parked', number(detail.parked), 'entries that were refused'),
    tile(
      'Log held back',
      bytes(detail.retainedBytes),
      retention?.secondsToLimit == null
        ? 'at the source'
        : `full in ${duration(retention.secondsToLimit * 1_000)}`,
    ),
  );
}

function tabs(name: string, tab: Tab, { parked }: Pipeline): HTMLElement {
  return h(
    'nav',
    { class: 'tabs', 'aria-label': 'Parts of this pipeline' },
    Object.entries(TABS).map(([id, title]) =>
      h(
        'a',
        { href: `#/p/${name}/${id}`, 'aria-current': id === tab ? 'page' : null },
        title,
        id === 'parked' && (parked ?? 0) > 0 && h('span', { class: 'count' }, number(parked)),
      ),
    ),
  );
}

function panel(looked: Looked, detail: Pipeline, tab: Tab): HTMLElement {
  const body = {
    tables: () => tablesPanel(looked, detail),
    lanes: () => lanesPanel(looked, detail),
    parked: () => parkedPanel(looked),
    compare: () => comparePanel(looked, detail),
    events: () =>
      eventList(
        model.events.filter(({ pipeline }) => pipeline === looked.name),
        false,
      ),
    details: () => detailsPanel(detail),
  }[tab]();
  return h('div', { 'data-key': tab }, body);
}
