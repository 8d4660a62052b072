import type { ParkedSelection } from '../../../shared/connector/parking.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import type { z } from 'zod';
import * as answers from './answers.ts';
import { NAME, NAME_AND_ENTRY, PARKED_QUERY, SELECTION } from './inputs.ts';
import { route, type Route } from './route.ts';
import type { Fleet } from '../fleet.ts';
import { ParkedRows } from '../parked-rows.ts';

const tag = 'parked rows';
const BODY = { schema: SELECTION, type: 'json', example: { all: true } } as const;

export const PARKED_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/pipelines/{name}/parked',
    id: 'listParked',
    tag,
    summary: 'Rows that the target refused, with their keys and the reason, a page of them',
    params: NAME,
    query: PARKED_QUERY,
    answer: answers.PARKED,
    handle: async ({ fleet, params, query }) => {
      const { namespace } = query;
      const selection: ParkedSelection =
        namespace === undefined ? { kind: 'all' } : { kind: 'namespace', namespace };
      const entries = await rows(fleet, params.name).page(selection, query.after);
      return { entries, next: entries.at(-1)?.id ?? null };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/pipelines/{name}/parked/{id}',
    id: 'showParked',
    tag,
    summary: 'One entry with the values of its row',
    params: NAME_AND_ENTRY,
    answer: answers.PARKED_ROW,
    handle: async ({ fleet, params: { name, id } }) => {
      const row = await rows(fleet, name).show(id);
      if (row === null) throw new WeirError('NOT_FOUND', `${name} has no parked entry ${id}`);
      return row;
    },
  }),
  route({
    method: 'POST',
    path: '/v1/pipelines/{name}/parked/replay',
    id: 'replayParked',
    tag,
    summary: 'Apply entries, each with all that is parked of its key, in their order',
    params: NAME,
    body: BODY,
    answer: answers.REPLAYED,
    handle: async ({ fleet, params, body, by }) => {
      const result = await rows(fleet, params.name).replay(toSelection(body));
      const left = result.left === 0 ? '' : `, ${result.left} were refused again or wait`;
      fleet
        .get(params.name)
        .tell('parked', 'info', `${result.replayed} parked entries were replayed${left}`, by);
      return result;
    },
  }),
  route({
    method: 'POST',
    path: '/v1/pipelines/{name}/parked/discard',
    id: 'discardParked',
    tag,
    summary: 'Drop exactly these entries for good',
    params: NAME,
    body: BODY,
    answer: answers.DISCARDED,
    handle: async ({ fleet, params, body, by }) => {
      const discarded = await rows(fleet, params.name).discard(toSelection(body));
      fleet
        .get(params.name)
        .tell('parked', 'warning', `${discarded} parked entries were discarded for good`, by);
      return { discarded };
    },
  }),
];

/** Throws NOT_FOUND where there is no such pipeline. */
function rows(fleet: Fleet, name: string): ParkedRows {
  return new ParkedRows(fleet.hub, fleet.get(name).name);
}

function toSelection(body: z.infer<typeof SELECTION>): ParkedSelection {
  if ('all' in body) return { kind: 'all' };
  return 'ids' in body ? { kind: 'ids', ids: body.ids } : { kind: 'namespace', ...body };
}
