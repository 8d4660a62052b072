import { describe, expect, it } from 'vitest';
import { parseConnectionUrl } from './connection-url.ts';

describe('a PostgreSQL URL', () => {
  it('says where the server is, by its parts or by its parameters', () => {
    expect(parseConnectionUrl('postgres://a%40b:p%2Fw@[::1]:6543/my%20shop')).toMatchObject({
      ...{ host: '::1', port: 6543, database: 'my shop', user: 'a@b', password: 'p/w' },
      sslmode: 'prefer',
    });
    expect(
      parseConnectionUrl('postgres:///shop?host=/run/postgresql&port=6543&user=u&password=p'),
    ).toMatchObject({ host: '/run/postgresql', port: 6543, database: 'shop', user: 'u', password: 'p' }); // prettier-ignore
    expect(parseConnectionUrl('postgres://%2Frun%2Fpg/shop').host).toBe('/run/pg');
    expect(parseConnectionUrl('postgres://app@h').database).toBe('app');
    expect(parseConnectionUrl('postgres://u@h/d?connect_timeout=3').connectTimeoutMs).toBe(3000);
  });

  it('asks for encryption as libpq does', () => {
    const modeOf = (query: string): string =>
      parseConnectionUrl(`postgres://u@h/d${query}`).sslmode;
    expect(modeOf('')).toBe('prefer');
    expect(modeOf('?ssl=true')).toBe('require');
    expect(modeOf('?sslmode=verify-ca')).toBe('verify-ca');
    expect(modeOf('?sslrootcert=system')).toBe('verify-full');
  });

  it.each([
    ['?host=a,b', /several hosts/],
    ['?sslmod=require', /"sslmod".*did you mean sslmode/],
    ['?search_path=x', /"search_path"/],
    ['?sslmode=strict', /may be disable, allow/],
    ['?sslmode=require&sslrootcert=system', /verify-full/],
    ['?target_session_attrs=read-write', /weir check/],
    ['?channel_binding=require', /verify-full/],
    ['?port=x', /port=x/],
  ])('%s is refused with what to do', (query, expected) => {
    const parse = (): unknown => parseConnectionUrl(`postgres://u:hushhush@h/d${query}`);
    expect(parse).toThrow(expected);
    expect(parse).toThrow(/^(?!.*hushhush)/);
  });
});
