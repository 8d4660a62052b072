import type { Mutation } from './mutation.ts';

const CONFORMANCE = 'test/conformance/sink.test.ts';
const DOCUMENTS = 'test/integration/parked-documents.test.ts';
const QUARANTINE = 'shared/state/quarantine';

/** What keeps rows that were put aside, and what comes behind them, in order at every store. */
export const QUARANTINE_MUTATIONS: readonly Mutation[] = [
  {
    name: 'changes of parked keys wait at every store',
    edits: [
      {
        file: `${QUARANTINE}/set-apart.ts`,
        find: 'const { stay, wait } = marked',
        replace: 'const { stay, wait } = !marked',
      },
    ],
    tests: [CONFORMANCE],
  },
  {
    name: 'parked documents are told apart by what their ids are worth',
    edits: [
      {
        file: `${QUARANTINE}/change-unit.ts`,
        find: "update(keyNameOf(relation, key), 'latin1')",
        replace: 'update(key)',
      },
    ],
    tests: [DOCUMENTS],
  },
  {
    name: 'all waits behind documents that an earlier version parked by other names',
    edits: [
      {
        file: `${QUARANTINE}/change-unit.ts`,
        find: 'isDocumentRelation(relation) ? [...columns, BY_WORTH] : columns',
        replace: 'isDocumentRelation(relation) && BY_WORTH ? columns : columns',
      },
    ],
    tests: [DOCUMENTS],
  },
  {
    name: 'rows that no key tells apart are replayed one by one where a crash repeats what was written',
    edits: [
      {
        file: `${QUARANTINE}/replay.ts`,
        find: "if (this.#room.repeats && relation.identity !== 'key')",
        replace: "if (this.#room.repeats && relation.identity === 'none')",
      },
    ],
    tests: [DOCUMENTS],
  },
  {
    name: 'what changes of a parked document is no document',
    edits: [
      {
        file: `${QUARANTINE}/fold-units.ts`,
        find: 'if (isDocumentRelation(relation))',
        replace: 'if (isDocumentRelation(relation) && foldDocumentRows.length === 0)',
      },
    ],
    tests: [DOCUMENTS],
  },
  {
    name: 'a lane moves at once only while nothing is parked',
    edits: [
      {
        file: 'shared/state/stored-pipeline.ts',
        find: 'batch.changes.length > 0 ? false : undefined',
        replace: 'undefined',
      },
    ],
    tests: [CONFORMANCE],
  },
  {
    name: 'of two who replay, one finds that the other has taken the entries out',
    edits: [
      {
        file: 'shared/ledger/parked-file.ts',
        find: 'if (gone.length < (change.least ?? 0)) return false;',
        replace: '',
      },
      {
        file: `${QUARANTINE}/quarantined-rows.ts`,
        find: "if ((await parked.count({ kind: 'ids', ids })) < ids.length) throw TAKEN;",
        replace: "await parked.count({ kind: 'ids', ids });",
      },
    ],
    tests: [CONFORMANCE],
  },
  {
    name: 'what is parked of a table that is copied anew is settled',
    edits: [
      {
        file: 'shared/state/plan-steps.ts',
        find: '...forgetParked(known, namespaces),',
        replace: '',
      },
    ],
    tests: [CONFORMANCE],
  },
  {
    name: 'rows of a chunk that a step failed for are put aside with its mark',
    edits: [
      {
        file: 'shared/state/stored-pipeline.ts',
        find: '...(await also())',
        replace: '...(await also()).slice(9)',
      },
    ],
    tests: [CONFORMANCE],
  },
  {
    name: 'the lanes say that rows are parked',
    edits: [
      {
        file: `${QUARANTINE}/quarantine-steps.ts`,
        find: "[park, { kind: 'mark', parked: 'yes' }]",
        replace: '[park]',
      },
    ],
    tests: [CONFORMANCE, 'test/integration/postgres-parking.test.ts'],
  },
  {
    name: 'a peer refuses a row by refusing the argument of a write',
    edits: [
      {
        file: 'services/connectors/grpc/write-requests.ts',
        find: 'callStatus(error) !== status.INVALID_ARGUMENT',
        replace: 'callStatus(error) !== status.OK',
      },
    ],
    tests: [CONFORMANCE],
  },
  {
    name: 'a check of any store tells of changes that a start would refuse',
    edits: [
      {
        file: 'shared/state/sink-over.ts',
        find: '...changes.flatMap(unknownChange),',
        replace: '',
      },
    ],
    tests: [CONFORMANCE],
  },
  {
    name: "PostgreSQL's tables of the state are as the records declare them",
    edits: [
      {
        file: 'services/connectors/postgres/sink/state/parked-tables.ts',
        find: 'ALTER TABLE weir.parked ADD COLUMN IF NOT EXISTS elsewhere jsonb;',
        replace: '',
      },
    ],
    tests: ['test/integration/state-tables.test.ts'],
  },
  {
    name: 'what a step over several files left of parked rows is done by whoever reads, and once',
    edits: [
      {
        file: 'shared/ledger/folder-state.ts',
        find: 'if (file !== null && file.step >= step) return file;',
        replace: 'if (file !== null && file.step > step) return file;',
      },
    ],
    tests: ['test/integration/ledger.test.ts'],
  },
  {
    name: 'who takes a lane in a folder does not come into the middle of a step that puts rows aside',
    edits: [
      {
        file: 'shared/ledger/folder-state.ts',
        find: 'lanes.size > 1 || step.some(isTaken)',
        replace: 'lanes.size > 1',
      },
    ],
    tests: ['test/integration/ledger.test.ts'],
  },
];
