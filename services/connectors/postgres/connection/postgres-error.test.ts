import { describe, expect, it } from 'vitest';
import { isWithoutPartition, toPostgresError } from './postgres-error.ts';
import { functionIn } from './sql-state.ts';

const server = (code: string, message: string, more: object = {}): Error =>
  Object.assign(new Error(message), { code, severity: 'ERROR', ...more });

/** Of SQLSTATEs (manual, appendix A). */
const CLASSES =
  '03 08 09 0A 0B 0F 0L 0P 0Z 10 20 21 22 23 24 25 26 27 28 2B 2D 2F 34 38 39 3B 3D 3F 40 42 44 53 54 55 57 58 72 F0 HV P0 XX'.split(
    ' ',
  );

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
    ['55000', 'STATEMENT_REFUSED'],
    ['0A000', 'STATEMENT_REFUSED'],
    ['XX000', 'STATEMENT_REFUSED'],
    ['54011', 'STATEMENT_REFUSED'],
    ['08P01', 'CONFIG_INVALID'],
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

  it('takes nothing for a defect but statements that were put together wrongly', () => {
    const states = CLASSES.map((kind) => `${kind}999`);
    const defects = states.filter(
      (state) => toPostgresError(server(state, 'x'), 'x').code === 'INTERNAL',
    );
    expect(defects.map((state) => state.slice(0, 2))).toEqual(['03', '24', '25', '34', '3B']);
    const where = 'PL/pgSQL function "my schema".f(text) line 3 at RETURN\nSQL statement "secret"';
    const raised = toPostgresError(
      server('42601', 'syntax error at or near "secret"', { where }),
      'x',
    );
    expect(raised.code).toBe('STATEMENT_REFUSED');
    expect(raised.message).toContain('"my schema".f(text)');
    expect(raised.message).not.toContain('secret');
  });

  it('keeps values to itself in any language', () => {
    for (const message of [
      'ungültige Eingabesyntax für Typ integer: »geheim«',
      'syntaxe en entrée invalide pour le type integer : « geheim »',
      'неверный синтаксис для типа integer: "geheim"',
    ])
      expect(toPostgresError(server('22P02', message), 'x').message).not.toContain('geheim');
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

it.each([
  ['54000', 'out of memory'],
  ['54000', 'Speicher aufgebraucht'],
  ['54000', 'string buffer exceeds maximum allowed length (1073741823 bytes)'],
  ['XX000', 'invalid memory alloc request size 1200000003'],
])('a row beyond what the server can send is told as one (%s, %s)', (code, message) => {
  const routine = code === '54000' ? 'enlargeStringInfo' : 'MemoryContextAlloc';
  const error = Object.assign(new Error(message), { code, severity: 'FEHLER', routine });
  const told = toPostgresError(error, 'reading a chunk of public.t');
  expect(told.code).toBe('ROW_TOO_LARGE');
  expect(told.message).toMatch(/public\.t failed: .* 1 GB/);
});

const NAMED = [
  ['PL/pgSQL function public.f(integer) line 3 at RAISE', 'public.f(integer)'],
  ['PL/pgSQL funkce "a b"."F"(text,integer) řádek 3 na RAISE', '"a b"."F"(text,integer)'],
  ['PL/pgSQL-Funktion public.f(integer) Zeile 3 bei RAISE', 'public.f(integer)'],
  ['συνάρτηση PL/pgSQL public.f() γραμμή 3 στο RAISE', 'public.f()'],
  ['función PL/pgSQL f() en la línea 3 en RAISE', 'f()'],
  ['fonction PL/pgSQL f(), ligne 3 à RAISE', 'f()'],
  ['PL/pgSQL関数f(integer)の3行目 - RAISE', 'f(integer)'],
  ['PL/pgSQL 함수 "f(integer)" 의 3번째 RAISE', 'f(integer)'],
  ['funkcja PL/pgSQL f(), wiersz 3 w RAISE', 'f()'],
  ['функция PL/pgSQL f(), строка 3, оператор RAISE', 'f()'],
  ['f() PL/pgSQL fonksiyonu, 3. satır, RAISE içinde', 'f()'],
  ['在RAISE的第3行的PL/pgSQL函数f()', 'f()'],
  ['PL/Python-Funktion »g«', 'g'],
  ['SQL function "f" statement 1', '"f"'],
  ['SQL-Funktion »f« Anweisung 1', 'f'],
  ['función SQL «f» en la sentencia 1', 'f'],
  ['fonction SQL « f », instruction 1', 'f'],
  ['SQL関数"f"の行番号 1', 'f'],
  ['SQL-функция "f", оператор 1', 'f'],
  ['SQL 函数 "f" 语句 1', 'f'],
  ['SQL-Funktion »f« beim Start', 'f'],
  ['fonction SQL « f » lors du lancement', 'f'],
  ['시작 중 SQL 함수 "f"', 'f'],
  ['SQL-Funktion »a b« Anweisung 2', 'a b'],
] as const;
const UNNAMED = [
  'PL/pgSQL function inline_code_block line 3 at SQL statement',
  'PL/pgSQL-Funktion inline_code_block Zeile 3 bei SQL-Anweisung',
  'fonction PL/pgSQL inline_code_block, ligne 3 à instruction SQL',
  '在SQL语句的第3行的PL/pgSQL函数inline_code_block',
  'SQL statement "INSERT INTO "public"."t" SELECT 1"',
  'SQL-Anweisung »INSERT INTO "public"."t" SELECT 1«',
  'instruction SQL « INSERT INTO "public"."t" SELECT 1 »',
  'SQL-оператор: "INSERT INTO "public"."t" SELECT 1"',
  'COPY t, Zeile 3, Spalte v: »geheim«',
];

describe('a function that raised an error', () => {
  it.each(NAMED)('is known in the language of its server: %s', (context, name) => {
    expect(functionIn(context)).toBe(name);
    expect(functionIn(`${UNNAMED[0]}\n${context}`)).toBe(name);
  });

  it.each(UNNAMED)('is none where Weir itself has sent what failed: %s', (context) => {
    expect(functionIn(context)).toBeNull();
  });
});

it('a row without a partition is known by what no language changes', () => {
  const refused = { code: '23514', severity: 'FEHLER', table: 't' };
  const error = (more: object): Error => Object.assign(new Error('keine Partition'), refused, more);
  expect(isWithoutPartition(error({}))).toBe(true);
  expect(isWithoutPartition(error({ constraint: 't_check' }))).toBe(false);
  expect(isWithoutPartition(error({ where: NAMED[2][0] }))).toBe(false);
});
