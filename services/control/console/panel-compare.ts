import type { Pipeline, Verification } from '../api/answers.ts';
import { h } from './dom.ts';
import { moment, number } from './format.ts';
import type { Looked } from './model.ts';
import { emptyNote, loading } from './parts.ts';
import { headRow } from './panel-tables.ts';

const TONES = {
  equal: 'good',
  different: 'bad',
  failed: 'bad',
  running: 'calm',
  cancelled: 'calm',
};

/** Comparisons of both ends, row by row. */
export function comparePanel({ verifications }: Looked, { allowed }: Pipeline): HTMLElement {
  if (verifications === undefined) return loading('comparisons');
  const running = verifications[0]?.state === 'running';
  return h(
    'div',
    {},
    h(
      'div',
      { class: 'section bar' },
      h('span', { class: 'soft' }, 'Compares every row at both ends; safe while changes flow.'),
      h('span', { class: 'spring' }),
      running
        ? h(
            'button',
            { type: 'button', 'data-do': 'cancel-compare', 'data-id': verifications[0]!.id },
            'Cancel',
          )
        : h(
            'button',
            {
              type: 'button',
              class: 'primary',
              'data-do': 'compare',
              disabled: allowed.verify !== null,
              title: allowed.verify,
            },
            'Compare now',
          ),
    ),
    allowed.verify !== null && h('p', { class: 'section soft' }, allowed.verify),
    verifications.length === 0
      ? emptyNote('Not compared yet', 'Results of comparisons are shown and kept here.')
      : verifications.map(result),
  );
}

function result(run: Verification): HTMLElement {
  return h(
    'section',
    { class: 'section', 'data-key': run.id },
    h(
      'div',
      { class: 'bar' },
      h('span', { class: `state ${TONES[run.state]}` }, run.state),
      h('span', {}, `${number(run.rows)} rows in ${run.namespaces.length} tables`),
      h('span', { class: 'soft small' }, moment(run.startedAt)),
      run.by !== null && h('span', { class: 'soft small' }, run.by),
    ),
    run.problem !== null && h('p', { class: 'wrong' }, run.problem),
    run.state !== 'equal' &&
      run.namespaces.some(({ state }) => state !== 'equal') &&
      differing(run),
  );
}

function differing({ namespaces }: Verification): HTMLElement {
  return h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Tables that differ' },
    h(
      'table',
      {},
      headRow(['Table', 'State', 'Rows that differ'], ['Rows']),
      h(
        'tbody',
        {},
        namespaces
          .filter(({ state }) => state !== 'equal')
          .map((each) =>
            h(
              'tr',
              {},
              h('td', { class: 'mono' }, each.namespace),
              h('td', {}, each.state),
              h(
                'td',
                { class: 'mono small' },
                each.differences
                  .slice(0, 10)
                  .map(({ key, kind }) => h('div', {}, `${key}: ${kind}`)),
                each.differences.length > 10 &&
                  h('div', { class: 'soft' }, `and ${each.differences.length - 10} more`),
                each.missingColumns.length > 0 &&
                  h('div', {}, `without ${each.missingColumns.join(', ')}`),
                each.mapped.length > 0 &&
                  h(
                    'div',
                    { class: 'soft' },
                    `as the target's types have it: ${each.mapped.join(', ')}`,
                  ),
              ),
              h('td', { class: 'n' }, number(each.rows)),
            ),
          ),
      ),
    ),
  );
}
