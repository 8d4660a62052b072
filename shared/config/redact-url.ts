/**
 * Everything between `scheme://` and the last `@` of the same word: a password that was not percent-encoded may
 * hold `/`, `#` or `@`. Backslash pairs are taken whole, so that an escaped quote in a JSON line does not end it.
 */
const USER_INFO = /([a-z][a-z0-9+.-]*:\/\/)(?:[^\s"\\]|\\.)*@/gi;
const PASSWORD_PARAMETER = /([?&](?:password|sslpassword|token|secret)=)[^&\s"']*/gi;

/** `text` with the credentials of every URL in it replaced by `[redacted]`. */
export function redactUrls(text: string): string {
  return text.replace(USER_INFO, '$1[redacted]@').replace(PASSWORD_PARAMETER, '$1[redacted]');
}

/** What may be shown of a URL: scheme, host, port and path. */
export function describeUrl(url: string): string {
  if (!URL.canParse(url)) return '[a URL that cannot be read]';
  const parsed = new URL(url);
  if (parsed.host === '' && parsed.pathname === '') return parsed.protocol;
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}
