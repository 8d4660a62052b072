import { randomBytes, randomInt } from 'node:crypto';

/** A column of a type, and values of it as SQL: the edges, and any. */
export interface ColumnOfValues {
  type: string;
  edges: readonly string[];
  random: () => string;
}

const hex = (bytes: Buffer): string => `x'${bytes.toString('hex')}'`;
const pick = <T>(from: readonly T[]): T => from[randomInt(from.length)]!;
const digits = (count: number): string =>
  Array.from({ length: count }, () => randomInt(10)).join('');
const sign = (): string => pick(['', '-']);

function integer(type: string, bits: number, signed = true): ColumnOfValues {
  const least = signed ? -(2n ** BigInt(bits - 1)) : 0n;
  const most = 2n ** BigInt(signed ? bits - 1 : bits) - 1n;
  const random = (): string => {
    const some = BigInt(`0x${randomBytes(9).toString('hex')}`) >> BigInt(randomInt(72));
    return String(least + (some % (most - least + 1n)));
  };
  return { type, edges: [least, most, 0n, 1n, most - 1n].map(String), random };
}

function decimal(precision: number, scale: number, more = ''): ColumnOfValues {
  const whole = precision - scale;
  const nines = `${'9'.repeat(whole) || '0'}${scale > 0 ? `.${'9'.repeat(scale)}` : ''}`;
  const least = scale > 0 ? `0.${'0'.repeat(scale - 1)}1` : '1';
  return {
    type: `decimal(${precision},${scale})${more}`,
    edges: more === '' ? ['0', nines, `-${nines}`, least, `-${least}`] : ['0', nines, least],
    random: () =>
      `${more === '' ? sign() : ''}${digits(randomInt(whole + 1)) || '0'}.${digits(randomInt(scale + 1)) || '0'}`,
  };
}

const clock = (): string =>
  [randomInt(24), randomInt(60), randomInt(60)].map((n) => String(n).padStart(2, '0')).join(':');
const day = (least: number, most: number): string =>
  `${String(randomInt(least, most)).padStart(4, '0')}-${String(randomInt(1, 13)).padStart(2, '0')}-${String(randomInt(1, 29)).padStart(2, '0')}`;
const fraction = (precision: number): string => (precision === 0 ? '' : `.${digits(precision)}`);
const last = (precision: number): string => (precision === 0 ? '' : `.${'9'.repeat(precision)}`);

function temporal(precision: number): ColumnOfValues[] {
  const f = (): string => fraction(precision);
  const end = last(precision);
  const small = precision === 0 ? '' : `.${'0'.repeat(precision - 1)}1`;
  return [
    {
      type: `datetime(${precision})`,
      edges: [
        ...[`'0001-01-01 00:00:00${small}'`, `'9999-12-31 23:59:59${end}'`],
        ...["'0000-00-00 00:00:00'", "'2024-00-10 01:02:03'", "'2024-02-29 00:00:00'"],
      ],
      random: () => `'${day(1, 10_000)} ${clock()}${f()}'`,
    },
    {
      type: `timestamp(${precision}) NULL`,
      edges: [
        ...[`'1970-01-01 00:00:01${small}'`, `'2038-01-19 03:14:07${end}'`],
        ...["'0000-00-00 00:00:00'", "'2000-02-29 12:00:00'", "'1999-12-31 23:59:59'"],
      ],
      random: () => `'${day(1971, 2038)} ${clock()}${f()}'`,
    },
    {
      type: `time(${precision})`,
      edges: [
        ...["'838:59:59'", "'-838:59:59'", "'00:00:00'", `'-00:00:00${small}'`],
        ...[`'-00:00:01${end}'`, `'24:00:00${end}'`, `'-100:00:00${small}'`],
      ],
      random: () =>
        `'${sign()}${randomInt(838)}:${String(randomInt(60)).padStart(2, '0')}:${String(randomInt(60)).padStart(2, '0')}${f()}'`,
    },
  ];
}

const CHARACTERS = ['a', 'Z', ' ', "''", '\\\\', 'ß', 'é', '€', '\\0', '\\n', '"'];
const text = (more: readonly string[], most: number): string =>
  `'${Array.from({ length: randomInt(most) }, () => pick([...CHARACTERS, ...more])).join('')}'`;

/** `bytes` are those that the set has characters for, beside ASCII; given as bytes, since statements are in UTF-8. */
function textIn(charset: string, bytes: number): ColumnOfValues {
  const of = (raw: Buffer): string => `CONVERT(${hex(raw)} USING ${charset})`;
  return {
    type: `varchar(40) CHARACTER SET ${charset}`,
    edges: [of(Buffer.from([0x41, bytes, 0x20])), "''", "'plain  '"],
    random: () => of(Buffer.from(Array.from({ length: randomInt(1, 20) }, () => pick([0x20, 0x41, 0x7a, bytes])))), // prettier-ignore
  };
}

function bytes(type: string, most: number): ColumnOfValues {
  return {
    type,
    edges: ["x'00'", "''", "x'ff00'", hex(Buffer.alloc(most)), hex(Buffer.alloc(most, 0xff))],
    random: () => hex(randomBytes(randomInt(most + 1))),
  };
}

function bits(length: number): ColumnOfValues {
  const of = (number: bigint): string => `b'${number.toString(2)}'`;
  return {
    type: `bit(${length})`,
    edges: [of(0n), of(1n), of(2n ** BigInt(length) - 1n), of(2n ** BigInt(length - 1))],
    random: () => of(BigInt(`0x${randomBytes(8).toString('hex')}`) >> BigInt(64 - length)),
  };
}

const MANY_LABELS = Array.from({ length: 300 }, (_, at) => `label ${at}`);
const SET_LABELS = Array.from({ length: 64 }, (_, at) => `s${at}`);
const list = (labels: readonly string[]): string => labels.map((label) => `'${label}'`).join(',');
const float = (most: number) => (): string =>
  `${sign()}${digits(1)}.${digits(randomInt(1, 17))}e${sign()}${randomInt(most)}`;

const POINT = (x: number, y: number): string => `ST_GeomFromText('POINT(${x} ${y})')`;

/** Types of both servers. */
const EVERYWHERE: readonly ColumnOfValues[] = [
  ...[8, 16, 24, 32, 64].flatMap((size) => {
    const name = { 8: 'tinyint', 16: 'smallint', 24: 'mediumint', 32: 'int', 64: 'bigint' }[size]!;
    return [integer(name, size), integer(`${name} unsigned`, size, false)];
  }),
  integer('int(9) zerofill', 32, false),
  ...[decimal(65, 30), decimal(10, 0), decimal(5, 5), decimal(18, 9), decimal(19, 10)],
  ...[decimal(1, 0), decimal(38, 3), decimal(12, 4, ' zerofill')],
  {
    type: 'float',
    edges: [
      '0',
      '-0e0',
      '16777217',
      '1.17549435e-38',
      '3.4028234e38',
      '-1.5',
      '1e-45',
      '123456792',
    ],
    random: float(38),
  },
  {
    type: 'double',
    edges: ['0', '-0e0', '5e-324', '1.7976931348623157e308', '-0.1', '9007199254740993', '1e15', '1e22'], // prettier-ignore
    random: float(307),
  },
  { type: 'year', edges: ['0', '1901', '2155'], random: () => String(randomInt(1901, 2156)) },
  {
    type: 'date',
    edges: ["'0000-00-00'", "'0001-01-01'", "'9999-12-31'", "'2024-00-10'", "'2024-02-30'"],
    random: () => `'${day(1, 10_000)}'`,
  },
  ...[0, 1, 2, 3, 4, 5, 6].flatMap(temporal),
  ...[bits(1), bits(7), bits(8), bits(33), bits(64)],
  {
    type: 'varchar(60) CHARACTER SET utf8mb4',
    edges: ["''", "'  '", "'😀'", "'\\0'"],
    random: () => text(['😀', '漢'], 50),
  },
  {
    type: 'varchar(300) CHARACTER SET utf8mb4',
    edges: ["''", "REPEAT('ä', 300)"],
    random: () => text(['😀'], 300),
  },
  {
    type: 'char(20) CHARACTER SET utf8mb4',
    edges: ["''", "'a   '", "'   a'"],
    random: () => text(['😀'], 19),
  },
  {
    type: 'char(255) CHARACTER SET utf8mb4',
    edges: ["''", "REPEAT('😀', 255)"],
    random: () => text(['😀'], 250),
  },
  ...['tinytext', 'text', 'mediumtext', 'longtext'].map((type) => ({
    type: `${type} CHARACTER SET utf8mb4`,
    edges: ["''", "REPEAT('x', 255)"],
    random: () => text(['漢'], 60),
  })),
  ...[
    textIn('latin1', 0x80),
    textIn('latin1', 0x81),
    textIn('latin2', 0xb1),
    textIn('cp1251', 0xc0),
  ],
  ...[textIn('koi8r', 0xc1), textIn('greek', 0xe1), textIn('hebrew', 0xe0), textIn('cp850', 0x9c)],
  ...['ucs2', 'utf16', 'utf16le', 'utf32', 'utf8mb3'].map((charset) => ({
    type: `varchar(40) CHARACTER SET ${charset}`,
    edges: ["''", "'漢 '"],
    random: () => text(charset === 'ucs2' || charset === 'utf8mb3' ? ['漢'] : ['漢', '😀'], 30),
  })),
  ...[bytes('binary(1)', 1), bytes('binary(16)', 16), bytes('varbinary(40)', 40)],
  ...[bytes('varbinary(300)', 300), bytes('tinyblob', 200), bytes('blob', 300)],
  ...[bytes('mediumblob', 60), bytes('longblob', 1000), bytes('binary(255)', 255)],
  {
    type: `enum('a','ä','it''s','')`,
    edges: ["'a'", "'ä'", "''"],
    random: () => pick(["'a'", "'it''s'"]),
  },
  {
    type: `enum(${list(MANY_LABELS)})`,
    edges: ["'label 0'", "'label 299'", "'label 255'", "'none'"],
    random: () => `'${pick(MANY_LABELS)}'`,
  },
  {
    type: `set(${list(SET_LABELS)})`,
    edges: ["''", "'s0'", "'s63'", `'${SET_LABELS.join(',')}'`],
    random: () => `'${SET_LABELS.filter(() => randomInt(3) === 0).join(',')}'`,
  },
  {
    type: 'point',
    edges: [POINT(0, 0), POINT(-1.5, 1e300)],
    random: () => POINT(randomInt(1000), randomInt(1000)),
  },
  {
    type: 'geometry',
    edges: [
      "ST_GeomFromText('LINESTRING(0 0, 1 1)', 3857)",
      "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(0 0, 1 1))')",
      "ST_GeomFromText('POINT(10 20)', 4326)",
    ],
    random: () => POINT(randomInt(1000), randomInt(1000)),
  },
];

const DOCUMENTS = [
  ...['1', '-1', '1.0', '1.5', '1e20', '1e300', '-0.0', '1e-7', '0.0001', '123456789012345678'],
  ...['65535', '65536', '-32768', '-32769', '4294967295', '4294967296', '-2147483649'],
  ...['9223372036854775807', '18446744073709551615', '-9223372036854775808', 'true', 'null'],
  ...['"ä😀"', '"a\\\\"b\\\\\\\\c\\\\n\\\\u0001/"', '""', '[]', '{}', '[[],{},[1,[2]]]'],
  ...['{"b":1,"a":2,"bb":3,"":4}', '{"x":{"y":[1,2.5,"z",null,true]}}', '{"a":1,"a":2}'],
  ...['100000000000000', '1e14', '1e15', '123456789.123456789', '1e-14', '1e-16', '2.5e-13'],
].map((each) => `'${each}'`);

const ONLY: Record<'mariadb' | 'mysql', readonly ColumnOfValues[]> = {
  mariadb: [
    { type: 'json', edges: ["'[1 ,  2]'", `'{"a":1,"a":1e400}'`], random: () => pick(DOCUMENTS) },
    {
      type: 'uuid',
      edges: [
        ...["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
        ...["'123e4567-e89b-12d3-a456-426614174000'", "'01890a5d-ac96-774b-bcce-b302099a8057'"],
      ],
      random: () => `'${randomBytes(16).toString('hex')}'`,
    },
    { type: 'inet4', edges: ["'0.0.0.0'", "'255.255.255.0'"], random: () => `'${[1, 2, 3, 4].map(() => randomInt(256)).join('.')}'` }, // prettier-ignore
    {
      type: 'inet6',
      edges: ["'::'", "'::1'", "'2001:db8::ff00:42:8329'", "'::ffff:1.2.3.4'", "'1::'", "'::1.2.3.4'", "'1:0:0:2:0:0:0:3'", "'1:0:2:3:4:5:6:7'"], // prettier-ignore
      random: () =>
        `'${Array.from({ length: 8 }, () => pick(['0', '0', randomInt(65_536).toString(16)])).join(':')}'`,
    },
  ],
  mysql: [
    {
      type: 'json',
      edges: [
        ...DOCUMENTS,
        "JSON_ARRAY(CAST(12.340 AS DECIMAL(10,3)), CAST('-838:59:59.5' AS TIME(6)), x'00ff')",
        "JSON_ARRAY(CAST('2024-02-29' AS DATE), CAST('2024-02-29 01:02:03.5' AS DATETIME(6)), b'101')",
        "CAST(CONCAT('[', REPEAT('\"0123456789\",', 9000), '1e2]') AS JSON)",
      ],
      random: () => `JSON_OBJECT('k', CAST(${pick(DOCUMENTS)} AS JSON), 'n', ${randomInt(1000)})`,
    },
    {
      type: 'vector(3)',
      edges: ["STRING_TO_VECTOR('[1,2,3]')", "STRING_TO_VECTOR('[-0.1,1e20,1e-20]')"],
      random: () => `STRING_TO_VECTOR('[${randomInt(10)},${randomInt(10)}.25,0]')`,
    },
  ],
};

export function columnsOfValues(flavour: 'mariadb' | 'mysql'): readonly ColumnOfValues[] {
  return [...EVERYWHERE, ...ONLY[flavour]];
}
