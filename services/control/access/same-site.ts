/**
 * What keeps a web page of somebody else from using a control on loopback through the browser of whoever sits there.
 * A page cannot set `Host` (so a name that was made to point here is seen), and cannot hide `Origin` of a request that
 * may change something.
 */

/** Names by which loopback may be called; any other was made to point here (DNS rebinding). */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i;

export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host.includes(':') && !host.startsWith('[') ? `[${host}]` : host);
}

export interface RequestOrigin {
  host: string | undefined;
  origin: string | undefined;
  /** `Sec-Fetch-Site`, which browsers set and pages cannot. */
  fetchSite: string | undefined;
}

/** Null where the request may come from here; else a sentence. `loopbackOnly`: control listens on loopback. */
export function foreignRequest(
  { host, origin, fetchSite }: RequestOrigin,
  loopbackOnly: boolean,
): string | null {
  const name = host?.replace(/:\d+$/, '');
  if (name === undefined || name === '') return 'the request does not say which host it is for';
  if (loopbackOnly && !isLoopback(name))
    return 'this control listens on loopback and is called by another name; use localhost or 127.0.0.1';
  if (fetchSite === 'cross-site' || fetchSite === 'same-site')
    return 'a page of another site must not use this control';
  if (origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host))
    return 'a page of another site must not use this control';
  return null;
}
