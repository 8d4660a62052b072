import type { ParkedAnswer } from '../api/answers.ts';
import { h } from './dom.ts';
import { moment } from './format.ts';
import { type Looked, model } from './model.ts';
import { emptyNote, loading } from './parts.ts';
import { headRow } from './panel-tables.ts';

type Entry = ParkedAnswer['entries'][number];

/** Rows that the target refused, why, and what can be done with them. */
export function parkedPanel({ parked, row, detail }: Looked): HTMLElement {
  if (parked === undefined)
    return detail?.writers === 0
      ? emptyNote(
          'No writer is connected',
          'Parked rows are at the target, and a writer is needed to read them.',
        )
      : loading('parked rows');
  if (parked.entries.length === 0)
    return emptyNote(
      'Nothing is parked',
      detail?.spec?.onBadRow === 'stop'
        ? 'This pipeline stops at a row that the target refuses (onBadRow: stop).'
        : 'The target has taken every row.',
    );
  const busy = model.working !== null;
  return h(
    'div',
    {},
    h(
      'div',
      { class: 'section bar' },
      h('span', { class: 'soft' }, 'Fix the cause at the target or in the steps, then replay.'),
      h('span', { class: 'spring' }),
      model.working !== null && h('span', { class: 'soft' }, model.working),
      h('button', { type: 'button', 'data-do': 'replay-all', disabled: busy }, 'Replay all'),
      h(
        'button',
        { type: 'button', class: 'danger', 'data-do': 'discard-all', disabled: busy },
        'Discard all',
      ),
    ),
    h(
      'div',
      { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Parked rows' },
      h(
        'table',
        {},
        headRow(['Entry', 'Table', 'Key', 'What', 'Why', 'Since', 'Actions'], []),
        h(
          'tbody',
          {},
          parked.entries.map((entry) => entryRow(entry, busy)),
        ),
      ),
    ),
    parked.next !== null &&
      parked.entries.length >= 200 &&
      h('p', { class: 'section soft' }, 'Only the first entries are shown.'),
    row !== undefined && rowValues(row),
  );
}

function entryRow(entry: Entry, busy: boolean): HTMLElement {
  const { id, namespace, reason, parkedAt } = entry;
  const button = (what: string, text: string, danger = false): HTMLElement =>
    h(
      'button',
      {
        type: 'button',
        class: danger ? 'danger' : null,
        'data-do': what,
        'data-id': id,
        'aria-label': `${text} entry ${id}`,
        disabled: busy,
      },
      text,
    );
  return h(
    'tr',
    { 'data-key': id },
    h('td', {}, String(id)),
    h('td', { class: 'mono' }, namespace),
    h('td', { class: 'mono' }, keyText(entry)),
    h('td', {}, entry.copied ? 'row of the copy' : entry.kind),
    h('td', { class: 'small' }, reason),
    h('td', { class: 'small soft' }, moment(parkedAt)),
    h(
      'td',
      {},
      h(
        'div',
        { class: 'bar' },
        button('show-row', 'Show'),
        button('replay', 'Replay'),
        button('discard', 'Discard', true),
      ),
    ),
  );
}

function rowValues(row: NonNullable<Looked['row']>): HTMLElement {
  return h(
    'section',
    { class: 'section' },
    h('h2', { tabindex: -1, id: 'row-values' }, `Values of entry ${row.id}`),
    h(
      'dl',
      { class: 'facts mono' },
      Object.entries(row.values).flatMap(([name, value]) => [
        h('dt', {}, name),
        h('dd', {}, value ?? h('span', { class: 'soft' }, 'NULL')),
      ]),
    ),
  );
}

function keyText({ key }: Entry): string {
  if (key === null) return 'no key';
  return Object.entries(key)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
}
