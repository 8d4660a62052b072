import { describe, expect, it } from 'vitest';
import { toPostgresError } from './postgres-error.ts';

const server = (code: string, message: string, more: object = {}): Error =>
  Object.assign(new Error(message), { code, severity: 'ERROR', ...more });

describe('toPostgresError', () => {
  it.each([
    ['57P01', 'UNREACHABLE'],
    ['08006', 'UNREACHABLE'],
    ['53300', 'UNREACHABLE'],
    ['40P01', 'UNREACHABLE'],
    ['55P03', 'UNREACHABLE'],
    ['28P01', 'ACCESS_DENIED'],
    ['42501', 'ACCESS_DENIED'],
    ['23505', 'ROW_REFUSED'],
    ['22003', 'ROW_REFUSED'],
    ['42601', 'INTERNAL'],
  ])('takes SQLSTATE %s as %s', (state, code) => {
    expect(toPostgresError(server(state, 'x'), 'reading').code).toBe(code);
  });

  it('never lets a row value through', () => {
    const error = toPostgresError(
      server('22P02', 'invalid input syntax for type integer: "secret 1"', {
        detail: 'Key (a)=(secret 2) exists.',
        where: 'COPY t, line 1: secret 3',
        table: 't',
      }),
      'writing to t',
    );
    const everything = `${error.message} ${JSON.stringify(error.details)} ${String(error.cause)} ${(error.cause as Error).stack}`;
    expect(everything).not.toContain('secret');
    expect(error.message).toContain('table t');
    expect(toPostgresError(server('P0001', 'secret'), 'x').message).not.toContain('secret');
  });

  it('says what to do about a server that is not there', () => {
    const error = toPostgresError(
      Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }),
      'connecting to localhost:1/x',
    );
    expect(error.code).toBe('UNREACHABLE');
    expect(error.message).toContain('localhost:1/x');
    expect(toPostgresError(new Error('Connection terminated unexpectedly'), 'x').code).toBe(
      'UNREACHABLE',
    );
  });
});
