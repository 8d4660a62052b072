/** What the pipeline file may name as a store. The list lives with the connectors, which the core does not know. */
export interface UrlScheme {
  /** The connector's kind; two schemes of one kind name the same store. Null: known, but not in this version. */
  connector: string | null;
  defaultPort?: number;
}

export type UrlSchemes = Readonly<Record<string, UrlScheme>>;

/** The scheme without its colon, or null where `url` does not start with one. */
export function schemeOf(url: string): string | null {
  return /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? null;
}

const ENCODE =
  'percent-encode special characters of the user and the password (% as %25, @ as %40, / as %2F, # as %23, ? as %3F, : as %3A)';

/** What is wrong with a store's URL, or null. Never quotes the URL, which may hold a password. */
export function storeUrlProblem(url: string, schemes: UrlSchemes): string | null {
  const scheme = schemeOf(url);
  const known = Object.entries(schemes);
  const allowed = known.filter(([, s]) => s.connector !== null).map(([name]) => `${name}:`);
  const entry = scheme === null ? undefined : schemes[scheme];
  if (entry === undefined) return `must start with ${oneOf(allowed)}`;
  if (entry.connector === null)
    return `${scheme}: is not in this version yet; use ${oneOf(allowed)}`;
  return urlSyntaxProblem(url);
}

/** `a, b or c`. */
function oneOf(names: readonly string[]): string {
  return [names.slice(0, -1).join(', '), ...names.slice(-1)]
    .filter((part) => part !== '')
    .join(' or ');
}

/** The same for the NATS server, where several may be given with commas between. */
export function natsUrlProblem(text: string): string | null {
  for (const url of text.split(',')) {
    const scheme = schemeOf(url.trim());
    if (scheme !== 'nats' && scheme !== 'tls')
      return 'must be nats://host:port or tls://host:port (several with commas between)';
    const problem = urlSyntaxProblem(url.trim());
    if (problem !== null) return problem;
  }
  return null;
}

function urlSyntaxProblem(url: string): string | null {
  if (/^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#]*@)?[^/?#@]*,/i.test(url))
    return 'names several hosts, of which one is allowed; name one that always leads to the right server, such as the primary';
  if (!URL.canParse(url))
    return `is not a valid URL; write scheme://user:password@host:port/name and ${ENCODE}`;
  const { username, password, pathname, search, hash } = new URL(url);
  // An unencoded `/`, `?` or `#` in a password ends the host early and leaves the `@` behind it.
  if (hash !== '' || /@/.test(pathname + search))
    return `has "#" or "@" behind the host, which happens when a password is not encoded; ${ENCODE}`;
  for (const part of [username, password, pathname])
    if (!isDecodable(part)) return `has a "%" that starts no percent-encoded character; ${ENCODE}`;
  return null;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch (error) {
    if (error instanceof URIError) return false;
    throw error;
  }
}

/** Where a URL leads, for telling whether two lead to the same place; null if it cannot be read. */
export function storeIdentity(url: string, schemes: UrlSchemes): string | null {
  const entry = schemes[schemeOf(url) ?? ''];
  if (entry === undefined || !URL.canParse(url)) return null;
  const { hostname, port, pathname, searchParams } = new URL(url);
  // Where the parameters say it, as PostgreSQL's may, they count.
  const named = searchParams.get('host') || hostname;
  const host = /^(localhost|127\.0\.0\.1|\[::1\]|)$/i.test(named) ? 'localhost' : named;
  const at = searchParams.get('port') || port || String(entry.defaultPort ?? '');
  const name = searchParams.get('dbname') ?? pathname;
  return [entry.connector, host.toLowerCase(), at, name.replace(/^\//, '')].join(' ');
}
