import type { Mutation } from './mutation.ts';

const POSTGRES = 'services/connectors/postgres';

/** What keeps values what they are under any setting, and what is refused from being called a defect. */
export const SETTINGS_AND_REFUSALS: readonly Mutation[] = [
  {
    name: 'a row that a function of the target refuses is told with its key',
    edits: [
      {
        file: `${POSTGRES}/connection/row-error.ts`,
        find: "if (found.code !== 'ROW_REFUSED' && !isRaised) return found;",
        replace: "if (found.code !== 'ROW_REFUSED') return found;",
      },
    ],
    tests: ['test/cases/refusals.test.ts'],
  },
  {
    name: 'what the server refuses is no defect',
    edits: [
      {
        file: `${POSTGRES}/connection/sql-state.ts`,
        find: "?? 'STATEMENT_REFUSED'",
        replace: "?? 'INTERNAL'",
      },
    ],
    tests: ['services/connectors/postgres/connection/postgres-error.test.ts'],
  },
  {
    name: 'types that are not taken back in binary travel as text',
    edits: [
      {
        file: `${POSTGRES}/catalog/type-catalog.ts`,
        find: "['tsquery', 'int2vector', 'oidvector']",
        replace: "['int2vector', 'oidvector']",
      },
    ],
    tests: ['test/cases/built-in-types.test.ts'],
  },
  {
    name: 'a named root is what the certificate of the server is checked against',
    edits: [
      {
        file: `${POSTGRES}/connection/ssl-mode.ts`,
        find: '    rejectUnauthorized: isVerified,\n',
        replace: '    rejectUnauthorized: isVerified && root !== undefined,\n',
      },
    ],
    tests: ['test/cases/connections.test.ts'],
  },
  {
    name: 'a setting that changes how text is read is pinned',
    edits: [
      {
        file: `${POSTGRES}/connection/session-settings.ts`,
        find: "    array_nulls: 'on',\n",
        replace: '',
      },
    ],
    tests: ['test/cases/settings.test.ts'],
  },
  {
    name: 'a setting that changes what the catalog prints is pinned',
    edits: [
      {
        file: `${POSTGRES}/connection/session-settings.ts`,
        find: "    quote_all_identifiers: 'off',\n",
        replace: '',
      },
    ],
    tests: ['test/cases/settings.test.ts'],
  },
  {
    name: 'two connections that share a session of the server are found out',
    edits: [
      {
        file: `${POSTGRES}/connection/session-settings.ts`,
        find: "if (taken === null || taken === '') return Number(pid);",
        replace: "if (taken !== 'nobody') return Number(pid);",
      },
    ],
    tests: ['test/cases/poolers.test.ts'],
  },
  {
    name: 'whether replication gets through to the source is tried by the check',
    edits: [
      {
        file: `${POSTGRES}/source/source-check.ts`,
        find: 'await probeConnection(url, { applicationName, replication: true });',
        replace: 'await probeConnection(url, { applicationName });',
      },
    ],
    tests: ['test/cases/poolers.test.ts'],
  },
  {
    name: 'a function that fails is known in the language of the server, where rows are searched',
    edits: [
      {
        file: `${POSTGRES}/connection/sql-state.ts`,
        find: "].join('|');",
        replace: '][0];',
      },
    ],
    tests: ['test/cases/languages.test.ts'],
  },
  {
    name: 'a row without a partition is known in the language of the server',
    edits: [
      {
        file: `${POSTGRES}/connection/postgres-error.ts`,
        find: "return code === '23514' && (constraint ?? '') === '' && functionIn(where) === null;",
        replace: "return code === '23514' && constraint === 'none' && functionIn(where) === null;",
      },
    ],
    tests: ['test/cases/languages.test.ts'],
  },
  {
    name: 'a table with a rule for updates is written without ON CONFLICT',
    edits: [
      {
        file: `${POSTGRES}/sink/target/write-target.ts`,
        find: '    !table.merges ||\n',
        replace: '',
      },
    ],
    tests: ['test/cases/prepared-targets.test.ts'],
  },
  {
    name: 'what stands in the place of a table is named before its rows are asked for',
    edits: [
      {
        file: `${POSTGRES}/sink/check/target-check.ts`,
        find: 'copies && !isKnown && isTable && ',
        replace: 'copies && !isKnown && ',
      },
    ],
    tests: ['test/cases/prepared-targets.test.ts'],
  },
];
