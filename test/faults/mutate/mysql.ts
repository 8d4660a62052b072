import type { Mutation } from './mutation.ts';

const CONNECTION = 'services/connectors/mysql/connection';
const BINLOG = 'services/connectors/mysql/binlog';
const VALUES = 'services/connectors/mysql/values';
const GOLDEN = ['test/integration/mysql/golden.test.ts'];
const EVENTS = ['test/integration/mysql/binlog-events.test.ts'];
const TESTS = ['test/integration/mysql/connection.test.ts'];

/** What a session of MySQL or MariaDB is held to. */
export const MYSQL: readonly Mutation[] = [
  {
    name: 'a password is not sent under a key that the server itself names',
    edits: [
      {
        file: `${CONNECTION}/connection.ts`,
        find: 'isLoopback(host) || url.takesServerKey;',
        replace: 'isLoopback(host) || !url.takesServerKey;',
      },
    ],
    tests: TESTS,
  },
  {
    name: 'the settings of a session are set where the server has others',
    edits: [
      {
        file: `${CONNECTION}/session-settings.ts`,
        find: 'if (differing.length === 0) return;',
        replace: 'if (differing.length >= 0) return;',
      },
    ],
    tests: TESTS,
  },
  {
    name: 'each packet of a long statement has its number',
    edits: [
      {
        file: `${CONNECTION}/wire.ts`,
        find: 'header[3] = wire.sequenceId;',
        replace: 'header[3] = 0 * wire.sequenceId;',
      },
    ],
    tests: TESTS,
  },
  {
    name: 'a collation that pads does not tell texts apart by their bytes',
    edits: [
      {
        file: 'services/connectors/mysql/types/to-logical.ts',
        find: "return pads && name !== 'char' ? 'padded' : 'bytes';",
        replace: "return !pads && name !== 'char' ? 'padded' : 'bytes';",
      },
    ],
    tests: ['test/integration/mysql/types.test.ts'],
  },
  {
    name: 'labels that the catalog may show wrong are refused',
    edits: [
      {
        file: 'services/connectors/mysql/types/labels.ts',
        find: 'if (unsure !== undefined)',
        replace: "if (unsure === '')",
      },
    ],
    tests: ['test/integration/mysql/types.test.ts'],
  },
  {
    name: 'a certificate is not looked at for another name than that of the URL',
    edits: [
      {
        file: `${CONNECTION}/connection-url.ts`,
        find: 'isIP(host) !== 0',
        replace: 'isIP(host) < 0',
      },
    ],
    tests: [`${CONNECTION}/connection-url.test.ts`],
  },
  {
    name: 'an event of the log is held against its checksum',
    edits: [
      {
        file: `${BINLOG}/log-reader.ts`,
        find: 'if (isSame(crc32(bytes.subarray(0, to)))) return to;',
        replace: 'if (isSame(crc32(bytes.subarray(0, to))) || to > 0) return to;',
      },
    ],
    tests: GOLDEN,
  },
  {
    name: 'what an update leaves out is that of the row before',
    edits: [
      {
        file: `${BINLOG}/row-decoder.ts`,
        find: 'const place = isAfter ? this.#places[column]! : ABSENT;',
        replace: 'const place = isAfter ? ABSENT : ABSENT;',
      },
    ],
    tests: EVENTS,
  },
  {
    name: 'a new row without all its columns ends reading',
    edits: [
      {
        file: `${BINLOG}/row-decoder.ts`,
        find: 'if (missing >= 0)',
        replace: 'if (missing > this.#count)',
      },
    ],
    tests: EVENTS,
  },
  {
    name: 'a table that is another one in the log ends reading',
    edits: [
      {
        file: `${BINLOG}/column-readers.ts`,
        find: 'if (logged !== known)',
        replace: 'if (logged === undefined && known !== undefined)',
      },
    ],
    tests: EVENTS,
  },
  {
    name: 'zeros that a log leaves out at the end of a binary are put back',
    edits: [
      {
        file: `${VALUES}/raw-bytes.ts`,
        find: 'for (let count = to - from; count < padded; count++)',
        replace: 'for (let count = to - from; count < 0 * padded; count++)',
      },
    ],
    tests: GOLDEN,
  },
  {
    name: 'a whole number beyond 53 bits has all its digits',
    edits: [
      {
        file: `${VALUES}/numbers.ts`,
        find: 'if (high < 0x20_0000) {',
        replace: 'if (high < 0x2000_0000) {',
      },
    ],
    tests: GOLDEN,
  },
  {
    name: 'a negative time has its fraction',
    edits: [
      {
        file: `${VALUES}/temporal.ts`,
        find: 'const positive = Math.abs(packed);',
        replace: 'const positive = Math.abs(packed - (packed % unit));',
      },
    ],
    tests: GOLDEN,
  },
  {
    name: 'text that its character set does not have is refused',
    edits: [
      {
        file: `${VALUES}/charsets.ts`,
        find: "return all.map((byte) => (row![byte] === '?' && byte !== 0x3f ? null : row![byte]!));",
        replace:
          "return all.map((byte) => (row![byte] === '?' && byte > 0xff ? null : row![byte]!));",
      },
    ],
    tests: ['test/integration/mysql/binlog.test.ts'],
  },
  {
    name: 'a document whose numbers would be rounded needs consent',
    edits: [
      {
        file: 'services/connectors/mysql/types/to-native.ts',
        find: "native: 'json', fit: 'lossy',",
        replace: "native: 'json', fit: 'wider',",
      },
    ],
    tests: ['test/integration/mysql/to-native.test.ts'],
  },
  {
    name: 'text has a type that tells texts apart by their bytes',
    edits: [
      {
        file: 'services/connectors/mysql/types/to-native.ts',
        find: "const isPadded = comparison === 'padded' ||",
        replace: "const isPadded = comparison === 'bytes' ||",
      },
    ],
    tests: ['test/integration/mysql/to-native.test.ts'],
  },
  {
    name: 'a year counts among the columns that have a sign',
    edits: [
      {
        file: `${BINLOG}/table-map.ts`,
        find: 'TYPE.decimal, TYPE.year],',
        replace: 'TYPE.decimal],',
      },
    ],
    tests: ['test/integration/mysql/binlog.test.ts'],
  },
];
