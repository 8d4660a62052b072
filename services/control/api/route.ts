import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { Fleet } from '../fleet.ts';

/** What a request may send as its body. */
export interface RouteBody {
  schema: z.ZodType;
  /** `yaml`: the text of a pipeline file. */
  type: 'json' | 'yaml';
  example?: unknown;
}

export interface RouteInput<P, Q, B> {
  params: P;
  query: Q;
  body: B;
  /** The name of the token that was shown; null where none is needed. */
  by: string | null;
  fleet: Fleet;
  version: string;
}

/**
 * One operation of the API, as data: requests are checked by these schemas, answers are put through them, and the OpenAPI
 * description is made from them.
 */
export interface Route {
  method: 'GET' | 'POST' | 'DELETE';
  /** As in OpenAPI: `/v1/pipelines/{name}`. */
  path: string;
  id: string;
  tag: 'pipelines' | 'status' | 'parked rows' | 'verification' | 'events' | 'control';
  summary: string;
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: RouteBody;
  /** Null: no content. */
  answer: z.ZodType | null;
  status: 200 | 201 | 202 | 204;
  handle(input: RouteInput<unknown, unknown, unknown>): unknown;
  /** Instead of `handle`: server-sent events. */
  stream?: (
    input: RouteInput<unknown, unknown, unknown>,
    reply: FastifyReply,
    lastId: string | null,
  ) => void;
}

type Shape = z.ZodObject | undefined;
type Value<T extends z.ZodType | undefined> = T extends z.ZodType ? z.infer<T> : undefined;

/** A route whose handler gets what its own schemas let through. */
export function route<
  P extends Shape = undefined,
  Q extends Shape = undefined,
  B extends z.ZodType | undefined = undefined,
  A extends z.ZodType | null = null,
>(definition: {
  method: Route['method'];
  path: string;
  id: string;
  tag: Route['tag'];
  summary: string;
  params?: P;
  query?: Q;
  body?: { schema: B; type: 'json' | 'yaml'; example?: unknown };
  answer: A;
  status?: Route['status'];
  handle(
    input: RouteInput<Value<P>, Value<Q>, Value<B>>,
  ): A extends z.ZodType ? z.input<A> | Promise<z.input<A>> : void | Promise<void>;
  stream?: (
    input: RouteInput<Value<P>, Value<Q>, Value<B>>,
    reply: FastifyReply,
    lastId: string | null,
  ) => void;
}): Route {
  // The server gives a handler only what its schemas have parsed.
  return { status: 200, ...definition } as unknown as Route;
}
