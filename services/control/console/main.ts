import type {
  BalanceAnswer,
  ControlAnswer,
  EventAnswer,
  HistoryAnswer,
  LanesAnswer,
  ParkedAnswer,
  Pipeline,
  Summary,
  Verification,
} from '../api/answers.ts';
import { act, type Page } from './actions.ts';
import { ask, Refused, setToken } from './api.ts';
import { addSample, drawCharts, forgetCharts } from './charts.ts';
import { askSecret } from './dialog.ts';
import { h, morph } from './dom.ts';
import { clock } from './format.ts';
import { follow } from './live.ts';
import { model } from './model.ts';
import { startTheme } from './theme.ts';
import { createView } from './view-create.ts';
import { eventsView, fleetView } from './view-fleet.ts';
import { pipelineView, type Tab, TABS } from './view-pipeline.ts';

const REFRESH_MS = 2_000;
const MAX_EVENTS = 1_000;

const element = (id: string): HTMLElement => document.getElementById(id)!;

interface Place {
  page: 'fleet' | 'events' | 'new' | 'pipeline';
  name: string;
  tab: Tab;
}

function place(): Place {
  const [, page = '', name = '', tab = ''] = location.hash.split('/');
  if (page === 'p' && name !== '')
    return { page: 'pipeline', name, tab: tab in TABS ? (tab as Tab) : 'tables' };
  return { page: page === 'events' || page === 'new' ? page : 'fleet', name: '', tab: 'tables' };
}

function render(): void {
  const { page, tab, name } = place();
  const looked = model.looked;
  const views = {
    fleet: fleetView,
    events: eventsView,
    new: createView,
    pipeline: () => (looked === null ? [] : pipelineView(looked, tab)),
  }[page]();
  // Another page is another document to whoever has the keyboard in it.
  morph(
    element('main'),
    h('main', {}, h('div', { class: 'page', 'data-key': `${page} ${name}` }, views)),
  );
  for (const link of document.querySelectorAll('.top nav a')) {
    const here = link.getAttribute('data-page') === (page === 'events' ? 'events' : 'fleet');
    if (here) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = page === 'pipeline' ? `${name} · Weir` : 'Weir';
  const lost = model.connected === false;
  const connection = element('connection');
  connection.classList.toggle('lost', lost);
  const said = lost
    ? `not connected since ${clock(model.lostAtMs ?? Date.now())}`
    : model.control?.brokerReachable === false
      ? 'the broker cannot be reached'
      : model.connected === true
        ? 'live'
        : 'connecting…';
  if (connection.textContent !== said) connection.textContent = said;
  if (page === 'pipeline' && looked !== null) void drawCharts(looked.samples);
}

const page: Page = {
  render,
  refresh,
  notice: (text) => (element('notice').textContent = text ?? ''),
};

async function navigate(): Promise<void> {
  const { page: kind, name } = place();
  page.notice(null);
  forgetCharts();
  if (kind !== 'pipeline') model.looked = null;
  else if (model.looked?.name !== name) model.looked = { name, samples: [] };
  render();
  document.querySelector<HTMLElement>('main h1')?.focus();
  const looked = model.looked;
  if (looked !== null && looked.samples.length === 0) {
    const { samples } = await ask<HistoryAnswer>('GET', `/v1/pipelines/${name}/history`).catch(
      () => ({ samples: [] }),
    );
    looked.samples = [...samples, ...looked.samples];
  }
  await refresh();
}

/** Asks for what the page shows and the stream does not bring. */
async function refresh(): Promise<void> {
  const { page: kind, tab } = place();
  const looked = model.looked;
  try {
    if (kind === 'pipeline' && looked !== null) await look(looked, tab);
    else if (kind !== 'new') model.control = await ask<ControlAnswer>('GET', '/v1/control');
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.status === 404 && looked !== null) looked.problem = error.message;
  }
  render();
}

async function look(looked: NonNullable<typeof model.looked>, tab: Tab): Promise<void> {
  const at = `/v1/pipelines/${looked.name}`;
  [looked.detail, looked.lanes] = await Promise.all([
    ask<Pipeline>('GET', at),
    ask<LanesAnswer>('GET', `${at}/lanes`),
  ]);
  delete looked.problem;
  if (tab === 'tables') looked.counts = await ask<BalanceAnswer>('GET', `${at}/counts`);
  if (tab === 'parked' && looked.detail.writers > 0)
    looked.parked = await ask<ParkedAnswer>('GET', `${at}/parked`);
  if (tab === 'compare')
    looked.verifications = (
      await ask<{ verifications: Verification[] }>('GET', `${at}/verifications`)
    ).verifications;
}

let asking = false;

/** Asks for a token until one is right. */
async function askToken(): Promise<void> {
  if (asking) return;
  asking = true;
  const title = 'This control needs a token';
  const shown = await askSecret(title, 'It is kept in this tab only.', 'Token');
  asking = false;
  if (shown === null) return;
  setToken(shown);
  await begin();
}

async function begin(): Promise<void> {
  try {
    model.control = await ask<ControlAnswer>('GET', '/v1/control');
    const { events } = await ask<{ events: EventAnswer[] }>('GET', '/v1/events?limit=500');
    model.events = events;
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return askToken();
    if (!(error instanceof Refused)) throw error;
  }
  await navigate();
}

function onLive(kind: string, data: unknown): void {
  if (kind === 'pipeline') {
    const summary = data as Summary;
    (model.pipelines ??= new Map()).set(summary.name, summary);
    addSample(summary);
  } else if (kind === 'gone') model.pipelines?.delete((data as { name: string }).name);
  else if (kind === 'event') {
    const event = data as EventAnswer;
    if (!model.events.some(({ id }) => id === event.id)) model.events.push(event);
    if (model.events.length > MAX_EVENTS) model.events.splice(0, MAX_EVENTS / 2);
  }
  soon();
}

let waiting = false;

/** One drawing for all that comes at once. */
function soon(): void {
  if (waiting) return;
  waiting = true;
  setTimeout(() => {
    waiting = false;
    render();
  }, 50);
}

document.addEventListener('click', (event) => {
  const pressed = (event.target as Element).closest<HTMLButtonElement>('[data-do]');
  if (pressed === null || pressed.disabled) return;
  void act(pressed.getAttribute('data-do')!, pressed.getAttribute('data-id'), page);
});
document.addEventListener('change', (event) => {
  const input = event.target as HTMLInputElement;
  if (input.id !== 'file-choose') return;
  void input.files?.[0]?.text().then((text) => {
    (element('file-text') as HTMLTextAreaElement).value = text;
    input.value = '';
  });
});
addEventListener('hashchange', () => void navigate());
addEventListener('resize', soon);
startTheme(element('theme'), () => {
  forgetCharts();
  render();
});
void begin();
void follow({
  on: onLive,
  onState(connected) {
    if (model.connected !== connected) model.lostAtMs = connected ? null : Date.now();
    model.connected = connected;
    if (connected) model.pipelines ??= new Map();
    soon();
  },
  onRefused: () => void askToken(),
});
setInterval(() => void refresh(), REFRESH_MS);
