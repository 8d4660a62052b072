import { z } from 'zod';
import { API_SCHEMAS, PROBLEM } from './answers.ts';
import type { Route } from './route.ts';

const REFERENCE = '#/components/schemas/';

/** The description of the API (OpenAPI 3.1), made from the routes and the schemas that check requests and answers. */
export function openApi(routes: readonly Route[]): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes)
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Weir control',
      version: '1',
      description:
        'Creates, starts, watches and ends pipelines. Errors are problem+json with the codes of docs/errors.md.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }, {}],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: withoutDialect(
        z.toJSONSchema(API_SCHEMAS, { uri: (id) => `${REFERENCE}${id}`, io: 'output' }).schemas,
      ),
    },
  };
}

function operation(route: Route): Record<string, unknown> {
  return {
    operationId: route.id,
    tags: [route.tag],
    summary: route.summary,
    parameters: [...parameters(route.params, 'path'), ...parameters(route.query, 'query')],
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: {
              [route.body.type === 'yaml' ? 'application/yaml' : 'application/json']: {
                schema: inline(route.body.schema, 'input'),
                ...(route.body.example === undefined ? {} : { example: route.body.example }),
              },
            },
          },
        }),
    responses: {
      [String(route.status)]: success(route),
      default: {
        description: 'It was refused, or failed',
        content: { 'application/problem+json': { schema: schemaOf(PROBLEM) } },
      },
    },
  };
}

function success({ summary, answer, stream }: Route): Record<string, unknown> {
  if (stream !== undefined)
    return {
      description: summary,
      content: { 'text/event-stream': { schema: { type: 'string' } } },
    };
  if (answer === null) return { description: 'Done' };
  return { description: 'Done', content: { 'application/json': { schema: schemaOf(answer) } } };
}

function parameters(shape: z.ZodObject | undefined, where: 'path' | 'query'): unknown[] {
  if (shape === undefined) return [];
  return Object.entries(shape.shape).map(([name, schema]) => {
    const { description, ...rest } = inline(schema as z.ZodType, 'input') as {
      description?: string;
    };
    return {
      name,
      in: where,
      required: where === 'path',
      ...(description === undefined ? {} : { description }),
      schema: rest,
    };
  });
}

function schemaOf(schema: z.ZodType): unknown {
  const id = API_SCHEMAS.get(schema)?.id;
  return id === undefined ? inline(schema, 'output') : { $ref: `${REFERENCE}${id}` };
}

function inline(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  return without(['$schema'], z.toJSONSchema(schema, { io, unrepresentable: 'any' }));
}

/** The description says once which dialect its schemas are in. */
function withoutDialect(schemas: Record<string, object>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(schemas).map(([id, schema]) => [id, without(['$schema', '$id'], schema)]),
  );
}

function without(keys: readonly string[], schema: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => !keys.includes(key)));
}
