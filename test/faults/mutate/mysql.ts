import type { Mutation } from './mutation.ts';

const CONNECTION = 'services/connectors/mysql/connection';
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
];
