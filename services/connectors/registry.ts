import { schemeOf, type UrlSchemes } from '../../shared/config/url-scheme.ts';
import type { Connector } from '../../shared/connector/connector.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';

/** What a URL may start with. `connector: null`: known, but not in this version. */
export const URL_SCHEMES = {
  postgres: { connector: 'postgres', defaultPort: 5432 },
  postgresql: { connector: 'postgres', defaultPort: 5432 },
  random: { connector: 'random' },
  null: { connector: 'null' },
  file: { connector: 'file' },
  grpc: { connector: 'grpc' },
  grpcs: { connector: 'grpc' },
  mysql: { connector: null },
  mongodb: { connector: null },
  s3: { connector: null },
  nats: { connector: null },
  airbyte: { connector: null },
} as const satisfies UrlSchemes;

/** Loaded when first needed: a store's client libraries cost start-up time. A new store is one line here. */
const CONNECTORS: Readonly<Record<string, () => Promise<Connector>>> = {
  postgres: async () => (await import('./postgres/index.ts')).postgresConnector,
  file: async () => (await import('./file/index.ts')).fileConnector,
  null: async () => (await import('./null/index.ts')).nullConnector,
  grpc: async () => (await import('./grpc/index.ts')).grpcConnector,
  random: async () => (await import('./random/index.ts')).randomConnector,
};

/** The connector for a URL of a checked pipeline file. */
export async function connectorFor(url: string): Promise<Connector> {
  const schemes: UrlSchemes = URL_SCHEMES;
  const scheme = schemes[schemeOf(url) ?? ''];
  const load = CONNECTORS[scheme?.connector ?? ''];
  if (load === undefined)
    throw new WeirError(
      'NOT_SUPPORTED',
      'there is no connector for this kind of URL; use one that starts with postgres:',
    );
  return load();
}
