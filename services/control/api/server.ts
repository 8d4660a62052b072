import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { z } from 'zod';
import { toWeirError, WeirError } from '../../../shared/errors/weir-error.ts';
import { formatListenAddress, type ListenAddress } from '../../../shared/metrics/listen-address.ts';
import { foreignRequest, isLoopback } from '../access/same-site.ts';
import type { Monitoring } from '../../../shared/metrics/monitoring.ts';
import type { Tokens } from '../access/tokens.ts';
import type { ConsoleFiles } from '../console-files.ts';
import type { Fleet } from '../fleet.ts';
import { measureControl } from '../metrics.ts';
import { HttpError, toProblem } from './problem.ts';
import type { Route, RouteInput } from './route.ts';
import { ROUTES } from './routes.ts';
import { openStreams } from './stream.ts';

const MAX_BODY_BYTES = 256 * 1024;

export interface ApiOptions {
  fleet: Fleet;
  /** Empty: whoever reaches it may do everything, which is for loopback only. */
  tokens: Tokens;
  /** Null: no console is served. */
  console: ConsoleFiles | null;
  listen: ListenAddress;
  version: string;
  log: Logger;
  monitoring: Monitoring;
}

export interface ApiServer {
  url: string;
  /** Every path that is answered, with its method, as OpenAPI writes them. */
  readonly operations: readonly string[];
  stop(): Promise<void>;
}

const PUBLIC_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
};

/** Serves the API and the console. */
export async function serveApi(options: ApiOptions): Promise<ApiServer> {
  const { listen, log } = options;
  const meter = measureControl(options.monitoring, options.fleet, () => openStreams(options.fleet));
  const app = Fastify({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: 30_000,
    connectionTimeout: 0,
    keepAliveTimeout: 30_000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 128 },
  });
  const operations: string[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat())
      if (each !== 'HEAD') operations.push(`${each} ${url.replaceAll(/:(\w+)/g, '{$1}')}`);
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(PUBLIC_HEADERS);
    const foreign = foreignRequest(originOf(request), isLoopback(listen.host));
    if (foreign !== null) throw new HttpError(403, 'ACCESS_DENIED', foreign);
  });
  app.addHook('onResponse', async (_request, reply) => {
    meter.answered(reply.statusCode, reply.elapsedTime / 1_000);
  });
  app.setErrorHandler(async (error, request, reply) => {
    const problem = toProblem(error);
    if (problem.status >= 500)
      log.warn(
        { path: request.routeOptions.url, reason: toWeirError(error).message },
        'request failed',
      );
    if (problem.status === 401) reply.header('www-authenticate', 'Bearer realm="weir"');
    return reply.code(problem.status).type('application/problem+json').send(problem);
  });
  app.setNotFoundHandler(() => {
    throw new HttpError(404, 'NOT_FOUND', 'there is nothing at this path; see /openapi.json');
  });
  const asText = { parseAs: 'string' } as const;
  for (const type of ['application/yaml', 'application/x-yaml', 'text/yaml'])
    app.addContentTypeParser(type, asText, (_request, body, done) => done(null, body));
  app.removeContentTypeParser('text/plain');
  for (const route of ROUTES) addRoute(app, route, options);
  app.get('/healthz', () => 'ok\n');
  options.console?.serve(app);
  await listenAt(app, listen);
  const { port } = app.server.address() as AddressInfo;
  return {
    url: `http://${formatListenAddress({ host: listen.host, port })}`,
    operations,
    stop: () => app.close(),
  };
}

function addRoute(app: FastifyInstance, route: Route, options: ApiOptions): void {
  const { fleet, version } = options;
  app.route({
    method: route.method,
    url: route.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    handler: async (request, reply) => {
      const by = await authenticate(request, options.tokens);
      const input: RouteInput<unknown, unknown, unknown> = {
        params: checked(route.params, request.params, 'the path'),
        query: checked(route.query?.strict(), request.query, 'the query'),
        body: checked(route.body?.schema, bodyOf(route, request), 'the body'),
        by,
        fleet,
        version,
      };
      reply.header('cache-control', 'no-store');
      if (route.stream !== undefined) {
        const last = request.headers['last-event-id'];
        route.stream(input, reply, typeof last === 'string' && last !== '' ? last : null);
        return reply;
      }
      const answer = await route.handle(input);
      reply.code(route.status);
      return route.answer === null ? reply.send() : route.answer.parse(answer);
    },
  });
}

async function authenticate(request: FastifyRequest, tokens: Tokens): Promise<string | null> {
  if (tokens.size === 0) return null;
  const [, shown] =
    /^Bearer +([\x21-\x7e]{1,512})$/i.exec(request.headers.authorization ?? '') ?? [];
  const name = shown === undefined ? null : await tokens.nameOf(shown);
  if (name !== null) return name;
  throw new HttpError(
    401,
    'ACCESS_DENIED',
    'a token is needed, and none that is known was shown; send "Authorization: Bearer TOKEN"',
  );
}

/** JSON is YAML, so a pipeline file may come as either. */
function bodyOf({ body }: Route, { body: given }: FastifyRequest): unknown {
  if (body === undefined) return undefined;
  if (body.type === 'yaml') return typeof given === 'object' ? JSON.stringify(given) : given;
  return given;
}

function checked(schema: z.ZodType | undefined, value: unknown, where: string): unknown {
  if (schema === undefined) return undefined;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join('.')}: ${message}`,
  );
  throw new WeirError('REQUEST_INVALID', `${where}: ${problems.join('; ').slice(0, 1_000)}`);
}

function originOf({ headers }: FastifyRequest) {
  const { host, origin } = headers;
  const site = headers['sec-fetch-site'];
  return { host, origin, fetchSite: typeof site === 'string' ? site : undefined };
}

/** Throws CONFIG_INVALID where control would be open to others without a token. */
export function refuseOpenDoor({ host, port }: ListenAddress, tokens: Tokens): void {
  if (isLoopback(host) || tokens.size > 0) return;
  throw new WeirError(
    'CONFIG_INVALID',
    `control would be open to everybody who reaches ${formatListenAddress({ host, port })}; listen on 127.0.0.1, or name tokens (\`weir control token NAME\` makes one) with --tokens or WEIR_CONTROL_TOKENS`,
  );
}

async function listenAt(app: FastifyInstance, listen: ListenAddress): Promise<void> {
  try {
    await app.listen({ host: listen.host, port: listen.port });
  } catch (cause) {
    const inUse = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const why = inUse ? 'another process has it' : toWeirError(cause).message;
    throw new WeirError(
      'CONFIG_INVALID',
      `control cannot listen at ${formatListenAddress(listen)} (${why}); name another address with --listen`,
      { cause },
    );
  }
}
