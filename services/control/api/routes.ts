import { PARKED_ROUTES } from './parked-routes.ts';
import { PIPELINE_ROUTES } from './pipeline-routes.ts';
import type { Route } from './route.ts';
import { STATUS_ROUTES } from './status-routes.ts';
import { VERIFY_ROUTES } from './verify-routes.ts';

/** Every operation of the API. */
export const ROUTES: readonly Route[] = [
  ...PIPELINE_ROUTES,
  ...STATUS_ROUTES,
  ...PARKED_ROUTES,
  ...VERIFY_ROUTES,
];
