import type { Pipeline } from '../api/answers.ts';
import { h } from './dom.ts';
import { duration } from './format.ts';
import { headRow } from './panel-tables.ts';

/** What it was made from, its services, and the ways to remove it. */
export function detailsPanel({ spec, services, allowed, origin, runsHere }: Pipeline): HTMLElement {
  const facts: [string, string][] =
    spec === null
      ? [['file', 'not known here: its services were started elsewhere']]
      : [
          ['source', spec.source],
          ['target', spec.target],
          ['tables', spec.namespaces?.join(', ') ?? 'every one'],
          ['mode', spec.mode],
          ['order', spec.order],
          ['refused rows', spec.onBadRow],
          ['lanes', String(spec.lanes)],
          [
            'writers',
            `${spec.writers} process${spec.writers === 1 ? '' : 'es'}, ${spec.workers} concurrent writes each`,
          ],
        ];
  facts.push(['services', runsHere ? 'started by this control' : 'not started by this control']);
  const removal = (action: 'reset' | 'delete', text: string): HTMLElement =>
    h(
      'div',
      { class: 'bar' },
      h(
        'button',
        {
          type: 'button',
          class: 'danger',
          'data-do': action,
          disabled: allowed[action] !== null,
        },
        action[0]!.toUpperCase() + action.slice(1),
      ),
      h('span', { class: 'soft small' }, allowed[action] ?? text),
    );
  return h(
    'div',
    {},
    h(
      'div',
      { class: 'section' },
      h(
        'dl',
        { class: 'facts' },
        facts.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]),
      ),
    ),
    h(
      'div',
      { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Services' },
      services.length > 0 &&
        h(
          'table',
          {},
          headRow(['Service', 'Id', 'Phase', 'Problem'], ['Process', 'Last status']),
          h(
            'tbody',
            {},
            services.map((each) =>
              h(
                'tr',
                { 'data-key': each.id },
                h('td', {}, each.service),
                h('td', { class: 'mono' }, each.id),
                h('td', {}, each.phase),
                h('td', { class: 'small' }, each.problem ?? ''),
                h('td', { class: 'n' }, String(each.pid)),
                h('td', { class: 'n' }, `${duration(each.heardMs)} ago`),
              ),
            ),
          ),
        ),
    ),
    h(
      'div',
      { class: 'section nodes' },
      h('h2', {}, 'Remove'),
      removal('reset', 'Removes slot, publication, streams and state; the copied data stays.'),
      origin === 'created' && removal('delete', 'Resets it, and removes its file.'),
    ),
  );
}
