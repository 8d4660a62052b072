import { STEPS_MS } from '../history.ts';
import { balanceOf, lanesOf } from '../summary.ts';
import * as answers from './answers.ts';
import { EVENTS_QUERY, HISTORY_QUERY, NAME, STREAM_QUERY } from './inputs.ts';
import { route, type Route } from './route.ts';
import { streamEvents } from './stream.ts';

export const STATUS_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/pipelines/{name}/counts',
    id: 'showCounts',
    tag: 'status',
    summary: 'What was read and what was done with it, for each namespace and kind of change',
    params: NAME,
    answer: answers.BALANCE,
    handle: ({ fleet, params }) => balanceOf(fleet.get(params.name).heard, Date.now()),
  }),
  route({
    method: 'GET',
    path: '/v1/pipelines/{name}/lanes',
    id: 'showLanes',
    tag: 'status',
    summary: 'Lanes: their owners, their lag, and what waits in them',
    params: NAME,
    answer: answers.LANES,
    handle: ({ fleet, params }) => lanesOf(fleet.get(params.name).heard, Date.now()),
  }),
  route({
    method: 'GET',
    path: '/v1/pipelines/{name}/history',
    id: 'showHistory',
    tag: 'status',
    summary: 'Rates, lag and backlog over time, as long as this control has watched',
    params: NAME,
    query: HISTORY_QUERY,
    answer: answers.HISTORY,
    handle: ({ fleet, params, query }) => ({
      stepMs: STEPS_MS[query.span],
      samples: [...fleet.get(params.name).history.read(query.span)],
    }),
  }),
  route({
    method: 'GET',
    path: '/v1/pipelines/{name}/events',
    id: 'listPipelineEvents',
    tag: 'events',
    summary: 'The latest events of a pipeline, oldest first',
    params: NAME,
    query: EVENTS_QUERY,
    answer: answers.EVENTS,
    handle: ({ fleet, params, query }) => ({
      events: fleet.events.latest(fleet.get(params.name).name, query.limit),
    }),
  }),
  route({
    method: 'GET',
    path: '/v1/events',
    id: 'listEvents',
    tag: 'events',
    summary: 'The latest events of all pipelines, oldest first',
    query: EVENTS_QUERY,
    answer: answers.EVENTS,
    handle: ({ fleet, query }) => ({ events: fleet.events.latest(null, query.limit) }),
  }),
  route({
    method: 'GET',
    path: '/v1/stream',
    id: 'streamEvents',
    tag: 'events',
    summary:
      'Server-sent events: `pipeline` (its summary, when it changes), `gone` (its name) and `event`, whose id goes on after a reconnect with Last-Event-ID',
    query: STREAM_QUERY,
    answer: null,
    handle: () => undefined,
    stream: ({ fleet, query }, reply, lastId) =>
      streamEvents({ fleet, only: query.pipeline ?? null, lastId }, reply),
  }),
];
