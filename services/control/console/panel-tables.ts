import type { Pipeline } from '../api/answers.ts';
import { h } from './dom.ts';
import { bytes, countAll, duration, number, percent, UNKNOWN } from './format.ts';
import { isCurrent, type Looked } from './model.ts';
import { emptyNote, loading, share } from './parts.ts';

/** What became of what was read, table by table. */
export function tablesPanel({ counts }: Looked, detail: Pipeline): HTMLElement {
  if (counts === undefined) return loading('tables');
  if (counts.namespaces.length === 0)
    return emptyNote(
      'No tables are known',
      detail.asOf === null
        ? 'The stats service reports them while the pipeline runs.'
        : 'The source has given no plan yet.',
    );
  const old = isCurrent(counts) ? '' : ' stale';
  const { difference, namespaces } = counts;
  const isFiltered = namespaces.some(({ filtered }) => filtered > 0);
  const isParked = namespaces.some(({ parked }) => parked > 0);
  const isUnmet = namespaces.some(({ unmet }) => unmet !== 0);
  const aside = [
    ...(isFiltered ? ['Filtered'] : []),
    ...(isParked ? ['Parked'] : []),
    ...(isUnmet ? ['Met no row'] : []),
  ];
  return h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Tables' },
    difference !== null &&
      h(
        'p',
        { class: 'section wrong' },
        `${difference.namespace}: ${number(difference.read)} ${difference.kind} were read and ${number(difference.settled)} are accounted for. Compare both ends, and do not trust the target before they are equal.`,
      ),
    h(
      'table',
      { class: 'cards' },
      headRow(
        ['Table'],
        ['Rows copied', 'Copy', 'Read', 'Applied', ...aside, 'In flight', 'Balance'],
      ),
      h(
        'tbody',
        {},
        namespaces.map((each) => {
          const read = countAll(each.read);
          const settled = countAll(each.settled);
          const wrong = difference?.namespace === each.namespace;
          const cell = (label: string, text: string): HTMLElement =>
            h('td', { class: `n${old}`, 'data-label': label }, text);
          return h(
            'tr',
            { 'data-key': each.namespace },
            h('td', { class: 'wide mono' }, each.namespace),
            cell('Rows copied', number(each.rowsDone)),
            h(
              'td',
              { class: `n${old}`, 'data-label': 'Copy' },
              each.chunksTotal === 0
                ? UNKNOWN
                : [
                    percent(each.chunksDone, each.chunksTotal),
                    share(each.chunksDone, each.chunksTotal, `copy of ${each.namespace}`),
                  ],
            ),
            cell('Read', number(read)),
            cell('Applied', number(countAll(each.applied))),
            isFiltered && cell('Filtered', number(each.filtered)),
            isParked && cell('Parked', number(each.parked)),
            isUnmet && cell('Met no row', number(each.unmet)),
            cell('In flight', number(Math.max(0, read - settled))),
            h(
              'td',
              { class: 'n', 'data-label': 'Balance' },
              wrong ? h('span', { class: 'state bad' }, 'differs') : 'in order',
            ),
          );
        }),
      ),
    ),
    counts.namespacesLeftOut > 0 &&
      h('p', { class: 'section soft' }, `and ${number(counts.namespacesLeftOut)} more`),
  );
}

export function lanesPanel({ lanes }: Looked, detail: Pipeline): HTMLElement {
  if (lanes === undefined) return loading('lanes');
  if (lanes.lanes.length === 0) return emptyNote('No lanes are known', detail.reason);
  const old = isCurrent(lanes) ? '' : ' stale';
  return h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Lanes' },
    h(
      'table',
      {},
      headRow(['Lane', 'Owner'], ['Lag', 'Messages', 'Waiting', 'Of its limit']),
      h(
        'tbody',
        {},
        lanes.lanes.map(({ lane, owner, lagMs, messages, bytes: size, maxBytes }) =>
          h(
            'tr',
            {},
            h('td', {}, String(lane)),
            h('td', { class: 'mono' }, owner ?? h('span', { class: 'state bad' }, 'no owner')),
            h('td', { class: `n${old}` }, duration(lagMs)),
            h('td', { class: `n${old}` }, number(messages)),
            h('td', { class: `n${old}` }, bytes(size)),
            h(
              'td',
              { class: 'n' },
              maxBytes === null
                ? UNKNOWN
                : share(size ?? 0, maxBytes, `lane ${lane}: ${bytes(size)} of ${bytes(maxBytes)}`),
            ),
          ),
        ),
      ),
    ),
  );
}

export function headRow(texts: readonly string[], numbers: readonly string[]): HTMLElement {
  return h(
    'thead',
    {},
    h(
      'tr',
      {},
      texts.map((text) => h('th', { scope: 'col' }, text)),
      numbers.map((text) => h('th', { scope: 'col', class: 'n' }, text)),
    ),
  );
}
