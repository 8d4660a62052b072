import { expect, it } from 'vitest';
import { ServerError, toMysqlError } from './mysql-error.ts';

const said = (number: number, state: string, message: string) =>
  toMysqlError(new ServerError(number, state, message), 'doing it at h');

it.each([
  [1045, '28000', 'ACCESS_DENIED'],
  [1142, '42000', 'ACCESS_DENIED'],
  [1040, '08004', 'UNREACHABLE'],
  [1213, '40001', 'UNREACHABLE'],
  [1236, 'HY000', 'POSITION_LOST'],
  [1412, 'HY000', 'COPY_INTERRUPTED'],
  [1064, '42000', 'INTERNAL'],
  [1290, 'HY000', 'STATEMENT_REFUSED'],
] as const)('%i is %s %s', (number, state, code) => {
  expect(said(number, state, 'm').code).toBe(code);
});

it('what a message about data quotes is not passed on', () => {
  expect(said(1062, '23000', "Duplicate entry 'it's secret' for key 't.PRIMARY'").message).toBe(
    "Doing it at h failed: Duplicate entry '…' for key '…' [1062].",
  );
  const wrong = said(1366, 'HY000', "Incorrect integer value: 'secret' for column 'a' at row 1");
  expect(wrong.message + String(wrong.cause)).not.toContain('secret');
  expect(said(1146, '42S02', "Table 'shop.orders' doesn't exist").message).toContain('shop.orders');
});

it('a lost connection is no defect', () => {
  const lost = Object.assign(new Error('Connection lost: The server closed the connection.'), {
    code: 'PROTOCOL_CONNECTION_LOST',
  });
  expect(toMysqlError(lost, 'doing it')).toMatchObject({ code: 'UNREACHABLE' });
});
