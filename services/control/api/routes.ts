import { z } from 'zod';
import { openApi } from './openapi.ts';
import { PARKED_ROUTES } from './parked-routes.ts';
import { PIPELINE_ROUTES } from './pipeline-routes.ts';
import { route, type Route } from './route.ts';
import { STATUS_ROUTES } from './status-routes.ts';
import { VERIFY_ROUTES } from './verify-routes.ts';

/** Every operation of the API. */
export const ROUTES: readonly Route[] = [
  ...PIPELINE_ROUTES,
  route({
    method: 'GET',
    path: '/openapi.json',
    id: 'describeApi',
    tag: 'control',
    summary: 'This description',
    answer: z.record(z.string(), z.unknown()),
    handle: () => openApi(ROUTES),
  }),
  ...STATUS_ROUTES,
  ...PARKED_ROUTES,
  ...VERIFY_ROUTES,
];
