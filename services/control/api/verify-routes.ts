import * as answers from './answers.ts';
import { NAME, NAME_AND_RUN, VERIFY_QUERY } from './inputs.ts';
import { route, type Route } from './route.ts';

const tag = 'verification';

export const VERIFY_ROUTES: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/pipelines/{name}/verifications',
    id: 'startVerification',
    tag,
    summary: 'Compare source and target row by row; safe while changes flow',
    params: NAME,
    query: VERIFY_QUERY,
    answer: answers.VERIFICATION,
    status: 202,
    handle: ({ fleet, params, query, by }) => {
      const pipeline = fleet.allow(params.name, 'verify');
      // `allow` has made sure of the file.
      const spec = pipeline.origin.spec!;
      const run = fleet.verifications.start(
        spec,
        query.settle * 1_000,
        by,
        ({ state, rows, problem }) =>
          pipeline.tell(
            'verify',
            state === 'equal' || state === 'cancelled' ? 'info' : 'error',
            `comparison: ${state}, ${rows} rows${problem === null ? '' : `: ${problem}`}`,
          ),
      );
      pipeline.tell('verify', 'info', 'comparison of both ends began', by);
      return run;
    },
  }),
  route({
    method: 'GET',
    path: '/v1/pipelines/{name}/verifications',
    id: 'listVerifications',
    tag,
    summary: 'The latest comparisons, with what was found so far',
    params: NAME,
    answer: answers.VERIFICATIONS,
    handle: ({ fleet, params }) => ({
      verifications: [...fleet.verifications.list(fleet.get(params.name).name)],
    }),
  }),
  route({
    method: 'GET',
    path: '/v1/pipelines/{name}/verifications/{id}',
    id: 'showVerification',
    tag,
    summary: 'One comparison',
    params: NAME_AND_RUN,
    answer: answers.VERIFICATION,
    handle: ({ fleet, params }) => fleet.verifications.get(params.name, params.id),
  }),
  route({
    method: 'POST',
    path: '/v1/pipelines/{name}/verifications/{id}/cancel',
    id: 'cancelVerification',
    tag,
    summary: 'End a comparison that runs',
    params: NAME_AND_RUN,
    answer: answers.VERIFICATION,
    status: 202,
    handle: ({ fleet, params }) => fleet.verifications.cancel(params.name, params.id),
  }),
];
