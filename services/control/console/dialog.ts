import { h } from './dom.ts';

const dialog = (): HTMLDialogElement => document.getElementById('dialog') as HTMLDialogElement;

export interface Question {
  title: string;
  text: string;
  yes: string;
  danger?: boolean;
}

/** Asks before something is done; the keyboard stays inside until it is answered. */
export function confirm({ title, text, yes, danger = false }: Question): Promise<boolean> {
  return open(title, [h('p', {}, text)], yes, danger).then((answer) => answer !== null);
}

/** Asks for a text that must not be seen; null where it is not given. */
export async function askSecret(
  title: string,
  text: string,
  label: string,
): Promise<string | null> {
  const input = h('input', {
    type: 'password',
    id: 'secret',
    autocomplete: 'off',
    required: true,
  }) as HTMLInputElement;
  const answer = await open(
    title,
    [h('p', {}, text), h('label', { for: 'secret' }, label), input],
    'Continue',
    false,
  );
  return answer === null || input.value === '' ? null : input.value;
}

function open(
  title: string,
  parts: readonly HTMLElement[],
  yes: string,
  danger: boolean,
): Promise<true | null> {
  const node = dialog();
  if (node.open) node.close();
  const cancel = h('button', { type: 'submit', value: 'no' }, 'Cancel');
  const agree = h(
    'button',
    { type: 'submit', value: 'yes', class: danger ? 'danger' : 'primary' },
    yes,
  );
  const form = h(
    'form',
    { method: 'dialog' },
    h('h2', { id: 'dialog-title' }, title),
    parts,
    h('div', { class: 'bar' }, cancel, agree),
  );
  node.setAttribute('aria-labelledby', 'dialog-title');
  node.replaceChildren(form);
  node.returnValue = 'no';
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const pressed = (event as SubmitEvent).submitter as HTMLButtonElement | null;
    node.close(pressed?.value ?? 'yes');
  });
  node.showModal();
  (node.querySelector('input') ?? (danger ? cancel : agree)).focus();
  return new Promise((resolve) =>
    node.addEventListener('close', () => resolve(node.returnValue === 'yes' ? true : null), {
      once: true,
    }),
  );
}
