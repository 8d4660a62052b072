import * as answers from './answers.ts';
import {
  CREATE_QUERY,
  DELETE_QUERY,
  NAME,
  PIPELINE_FILE,
  PIPELINE_FILE_EXAMPLE,
} from './inputs.ts';
import { route, type Route } from './route.ts';

const FILE = { schema: PIPELINE_FILE, type: 'yaml', example: PIPELINE_FILE_EXAMPLE } as const;
const tag = 'pipelines';

const LIFE = {
  start: 'Start its services, or let it go on after a pause',
  pause: 'Read no more until resumed; what was read is still written',
  resume: 'Go on after a pause or a stop',
  stop: 'Finish what is in flight and end its services; answers when they have ended',
  reset: 'Remove what it made at both ends and in the broker; the data stays',
} as const;

export const PIPELINE_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/pipelines',
    id: 'listPipelines',
    tag,
    summary: 'All pipelines, those that run elsewhere on the same broker too',
    answer: answers.SUMMARIES,
    handle: ({ fleet }) => ({ pipelines: fleet.list().map((each) => each.summary(Date.now())) }),
  }),
  route({
    method: 'POST',
    path: '/v1/pipelines',
    id: 'createPipeline',
    tag,
    summary: 'Create a pipeline from a file',
    query: CREATE_QUERY,
    body: FILE,
    answer: answers.PIPELINE,
    status: 201,
    handle: async ({ fleet, body, query, by }) => {
      const { name } = await fleet.create(body, by);
      if (query.start) await fleet.act(name, 'start', by);
      return fleet.get(name).detail(Date.now());
    },
  }),
  route({
    method: 'POST',
    path: '/v1/checks',
    id: 'checkPipeline',
    tag,
    summary: 'Say whether a pipeline could run, and what to change if not; changes nothing',
    body: FILE,
    answer: answers.CHECK,
    handle: ({ fleet, body }) => fleet.host.check(fleet.parse(body)),
  }),
  route({
    method: 'GET',
    path: '/v1/pipelines/{name}',
    id: 'showPipeline',
    tag,
    summary: 'One pipeline: state, numbers, services, and what may be asked of it now',
    params: NAME,
    answer: answers.PIPELINE,
    handle: ({ fleet, params }) => fleet.get(params.name).detail(Date.now()),
  }),
  route({
    method: 'DELETE',
    path: '/v1/pipelines/{name}',
    id: 'deletePipeline',
    tag,
    summary: 'Reset a pipeline that does not run, and remove its file; the data stays',
    params: NAME,
    query: DELETE_QUERY,
    answer: null,
    status: 204,
    handle: ({ fleet, params, query, by }) => fleet.delete(params.name, query.forget, by),
  }),
  ...(['start', 'pause', 'resume', 'stop', 'reset'] as const).map((action) =>
    route({
      method: 'POST',
      path: `/v1/pipelines/{name}/${action}`,
      id: `${action}Pipeline`,
      tag,
      summary: LIFE[action],
      params: NAME,
      answer: answers.PIPELINE,
      status: 202,
      handle: async ({ fleet, params, by }) =>
        (await fleet.act(params.name, action, by)).detail(Date.now()),
    }),
  ),
  route({
    method: 'GET',
    path: '/v1/control',
    id: 'showControl',
    tag: 'control',
    summary: 'This control: its version, and what it can do',
    answer: answers.CONTROL,
    handle: ({ fleet, by, version }) => ({
      version,
      mayCreate: fleet.mayCreate,
      you: by,
      brokerReachable: fleet.brokerReachable,
    }),
  }),
];
