import { h } from './dom.ts';
import { model } from './model.ts';

const EXAMPLE = `name: shop
source:
  url: postgres://app:\${SOURCE_PASSWORD}@db1:5432/shop
target:
  url: postgres://app:\${TARGET_PASSWORD}@db2:5432/shop
`;

/** A pipeline from a file: chosen, dropped or written, checked first. */
export function createView(): HTMLElement[] {
  const { checked, problem, busy } = model.draft;
  return [
    h('h1', { tabindex: -1 }, 'New pipeline'),
    h(
      'div',
      { class: 'card padded nodes' },
      h('label', { for: 'file-text' }, 'The pipeline file, as weir run takes it (YAML)'),
      h('textarea', {
        id: 'file-text',
        spellcheck: 'false',
        autocapitalize: 'off',
        placeholder: EXAMPLE,
        'data-keep': true,
      }),
      h(
        'p',
        { class: 'soft small' },
        '${NAME} is taken from the environment of control, so that passwords need not stand here. docs/configuration.md has every key.',
      ),
      problem !== null && h('p', { class: 'wrong', role: 'alert' }, problem),
      checked !== null && findings(checked),
      h(
        'div',
        { class: 'bar' },
        h('label', { class: 'button', for: 'file-choose', 'data-key': 'choose' }, 'Choose a file'),
        h('input', {
          id: 'file-choose',
          type: 'file',
          accept: '.yaml,.yml,.json',
          'data-keep': true,
          'aria-label': 'Choose a pipeline file',
        }),
        h('span', { class: 'spring' }),
        busy && h('span', { class: 'soft', role: 'status' }, 'Asking both databases…'),
        h('button', { type: 'button', 'data-do': 'check', disabled: busy }, 'Check'),
        h('button', { type: 'button', 'data-do': 'create', disabled: busy }, 'Create'),
        h(
          'button',
          { type: 'button', class: 'primary', 'data-do': 'create-start', disabled: busy },
          'Create and start',
        ),
      ),
    ),
  ];
}

function findings(checked: NonNullable<typeof model.draft.checked>): HTMLElement {
  const bad = checked.findings.filter(({ level }) => level !== 'ok');
  return h(
    'div',
    { role: 'status' },
    h(
      'div',
      { class: 'bar' },
      h(
        'span',
        { class: `state ${checked.fit ? 'good' : 'bad'}` },
        checked.fit ? 'fit' : 'not fit',
      ),
      h('span', { class: 'soft' }, bad.length === 0 ? 'Nothing to change.' : 'What both ends say:'),
    ),
    bad.map(({ part, level, subject, message }) =>
      h(
        'div',
        { class: 'finding' },
        h('span', { class: level === 'error' ? 'wrong' : 'old' }, level),
        h('span', {}, `${part}, ${subject}: ${message}`),
      ),
    ),
  );
}
