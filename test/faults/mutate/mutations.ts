import { LANES_AND_KEYS } from './lanes-and-keys.ts';
import { FROM_OUTSIDE } from './from-outside.ts';
import { WAITS_AND_SIZES } from './waits-and-sizes.ts';

/** One safety step taken out, and the tests that must turn red without it. */
export interface Mutation {
  /** The step, as a promise that no longer holds. */
  name: string;
  /** Edits of the source; each text must occur exactly once. */
  edits: { file: string; find: string; replace: string }[];
  /** Arguments of vitest. */
  tests: string[];
}

const POSTGRES = 'services/connectors/postgres';

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'a table that was written anew after the snapshot is not read under it',
    edits: [
      {
        file: `${POSTGRES}/leaf-stamp.ts`,
        find: "  if (before.fileNode !== now.fileNode) return 'was written anew (by ALTER TABLE or the like)';\n",
        replace: '',
      },
    ],
    tests: ['test/cases/copied-tables.test.ts'],
  },
  {
    name: 'a table whose columns changed places is not read under an older snapshot',
    edits: [
      {
        file: `${POSTGRES}/leaf-stamp.ts`,
        find: 'before.columns[name] !== now.columns[name]',
        replace: 'before.columns[name] === undefined',
      },
    ],
    tests: ['test/cases/copied-tables.test.ts'],
  },
  {
    name: 'a copy that goes on reads a table as a whole that was written anew',
    edits: [
      {
        file: `${POSTGRES}/copy-plan.ts`,
        find: 'missing.some(({ cursor }) => cursor.fileNode !== leaf.fileNode)',
        replace: 'missing.some(({ cursor }) => cursor.fileNode === null)',
      },
    ],
    tests: ['test/cases/copied-tables.test.ts'],
  },
  {
    name: 'a table is locked for no longer than a chunk of it is read',
    edits: [
      {
        file: `${POSTGRES}/snapshot-readers.ts`,
        find: '      await unlockLeaf(client);\n',
        replace: '      await Promise.resolve(unlockLeaf);\n',
      },
    ],
    tests: ['test/cases/locks-and-waits.test.ts'],
  },
  {
    name: 'a reader that gets rid of nothing gives way to who waits for its table',
    edits: [
      {
        file: `${POSTGRES}/source-session.ts`,
        find: 'if (late !== undefined) readers.giveWay(late.sentence);',
        replace: 'if (late === null) readers.giveWay(late);',
      },
    ],
    tests: ['test/cases/locks-and-waits.test.ts'],
  },
  {
    name: 'where a statement waits for the copy, the one connection that has the locks reads on',
    edits: [
      {
        file: `${POSTGRES}/snapshot-readers.ts`,
        find: 'this.#holder === null ? undefined : await this.#takeHolder(signal)',
        replace: 'this.#holder === null ? await this.#takeHolder(signal) : undefined',
      },
    ],
    tests: ['test/cases/locks-and-waits.test.ts'],
  },
  {
    name: 'what is waited for is told',
    edits: [
      {
        file: `${POSTGRES}/lock-watch.ts`,
        find: 'waits.filter(({ id }) => this.#seen.has(id))',
        replace: 'waits.filter(({ id }) => !this.#seen.has(id) && id === null)',
      },
    ],
    tests: ['test/cases/locks-and-waits.test.ts'],
  },
  {
    name: 'no table is held while a lock on another is waited for',
    edits: [
      {
        file: `${POSTGRES}/patiently.ts`,
        find: "const LOCK_TIMEOUT = '3s';",
        replace: "const LOCK_TIMEOUT = '0';",
      },
    ],
    tests: ['test/cases/locks-and-waits.test.ts'],
  },
  {
    name: 'an empty target does not get the slot of another one',
    edits: [
      {
        file: `${POSTGRES}/slot-owner.ts`,
        find: "if (noted?.state === 'new' || noted?.owner === owner) return;",
        replace: 'if (noted !== undefined) return;',
      },
    ],
    tests: ['test/cases/slot-owner.test.ts'],
  },
  {
    name: 'a target follows only the slot that was made for it',
    edits: [
      {
        file: `${POSTGRES}/slot-owner.ts`,
        find: 'if (noted === null || noted.owner === owner) return;',
        replace: 'if (noted !== undefined) return;',
      },
    ],
    tests: ['test/cases/slot-owner.test.ts'],
  },
  {
    name: 'a slot is kept from the first row that is read',
    edits: [
      {
        file: `${POSTGRES}/source-session.ts`,
        find: 'if (newOwner === null) return Promise.resolve();',
        replace: 'if (newOwner !== undefined) return Promise.resolve();',
      },
    ],
    tests: ['test/cases/slot-owner.test.ts'],
  },
  ...WAITS_AND_SIZES,
  ...LANES_AND_KEYS,
  ...FROM_OUTSIDE,
  {
    name: 'a lane moves by compare-and-set',
    edits: [
      {
        file: `${POSTGRES}/lane-progress.ts`,
        find: " AND epoch = ${put(before.epoch, 'bigint')} AND position = ${put(before.position, 'text')} AND (reader_epoch, sequence) IN ((${put(before.readerEpoch, 'bigint')}, ${put(before.sequence, 'bigint')}), (${epoch}, 0))`",
        replace: '`',
      },
    ],
    tests: ['test/faults/stalled-writer.test.ts', 'test/faults/network.test.ts'],
  },
  {
    name: 'where a lane does not move, nothing is done of what was sent behind it',
    edits: [
      {
        file: `${POSTGRES}/lane-progress.ts`,
        find: 'SELECT 1 / count(*) FROM moved',
        replace: 'SELECT count(*) FROM moved',
      },
    ],
    tests: ['test/integration/postgres-sink.test.ts'],
  },
  {
    name: 'a chunk that the ledger has is not loaded again',
    edits: [
      {
        file: `${POSTGRES}/load-chunk.ts`,
        find: 'if (entry?.done !== false || early) {',
        replace: 'if (entry === undefined || early) {',
      },
    ],
    tests: ['test/faults/copy.test.ts', 'test/integration/postgres-sink.test.ts'],
  },
  {
    name: 'frames are acknowledged after their commit',
    edits: [
      {
        file: 'services/target-writer/change-lane.ts',
        find: '    this.#batch.add(frame, delivery.replies, relations.intern);\n',
        replace:
          '    this.#batch.add(frame, delivery.replies, relations.intern);\n    this.#consumer.acknowledge(delivery.replies);\n',
      },
    ],
    tests: ['test/faults/killed-services.test.ts'],
  },
  {
    name: 'each frame expects the one before it at the broker',
    edits: [
      {
        file: 'shared/hub/lane-publisher.ts',
        find: "      h.set('Nats-Expected-Last-Sequence', String(this.#lastSequence + this.#unsent));\n",
        replace: '',
      },
    ],
    tests: ['test/faults/back-pressure.test.ts', 'test/integration/lane.test.ts'],
  },
  {
    name: 'a gap in a lane stops it',
    edits: [
      {
        file: 'services/target-writer/sequencer.ts',
        find: 'if (frame.sequence !== expected)',
        replace: 'if (frame.sequence < expected)',
      },
    ],
    tests: ['test/faults/broker.test.ts'],
  },
  {
    name: 'the source forgets only what the target has committed',
    edits: [
      {
        file: 'services/source-reader/reader-epoch.ts',
        find: 's, async () => this.#router.advanceIdleLanes()),',
        replace: `s, async () => {
          this.#router.advanceIdleLanes();
          const head = await this.#session.head();
          if (head !== null) this.#session.release(head);
        }),`,
      },
    ],
    tests: ['test/faults/killed-services.test.ts', 'test/faults/broker.test.ts'],
  },
  {
    name: 'changes wait for the copy of their table',
    edits: [
      {
        file: 'services/target-writer/gate.ts',
        find: 'return namespaces.every((namespace) => last <= (this.#limits.get(namespace) ?? FIRST_POSITION));',
        replace: 'return namespaces.length >= 0 || last > FIRST_POSITION;',
      },
    ],
    tests: ['test/faults/copy.test.ts', 'test/e2e/copy-then-follow.test.ts'],
  },
  {
    name: 'rows of a later snapshot wait until the lanes have come to it',
    edits: [
      {
        file: `${POSTGRES}/load-chunk.ts`,
        find: 'return rows[0]?.settled === true;',
        replace: 'return rows.length > 0;',
      },
    ],
    tests: ['test/faults/copy.test.ts'],
  },
  {
    name: 'later changes of a parked key wait behind it',
    edits: [
      {
        file: `${POSTGRES}/lane-progress.ts`,
        find: "' AND NOT parked'",
        replace: "''",
      },
    ],
    tests: ['test/integration/postgres-parking.test.ts'],
  },
  {
    name: 'frames of an earlier reader are refused once another has begun',
    edits: [
      {
        file: `${POSTGRES}/pipeline-state.ts`,
        find: '  await fenceLanes(client, pipeline, epoch);\n',
        replace: '  if (epoch < 0) await fenceLanes(client, pipeline, epoch);\n',
      },
    ],
    tests: ['test/integration/postgres-sink.test.ts'],
  },
  {
    name: 'a chunk is loaded without waiting for anything else',
    edits: [
      {
        file: 'services/target-writer/chunk-lane.ts',
        find: '      const startedAtMs = performance.now();\n',
        replace:
          '      const startedAtMs = performance.now();\n      await pause(6_000, signal);\n',
      },
    ],
    tests: ['test/e2e/speed.test.ts'],
  },
  {
    name: 'changes are committed without waiting for anything else',
    edits: [
      {
        file: 'services/target-writer/change-lane.ts',
        find: "    failpoint('changes-ready');\n",
        replace:
          "    await pause(2_000, AbortSignal.timeout(60_000));\n    failpoint('changes-ready');\n",
      },
    ],
    tests: ['test/e2e/speed.test.ts'],
  },
  {
    name: 'a row that a function of the target refuses is told with its key',
    edits: [
      {
        file: `${POSTGRES}/row-error.ts`,
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
        file: `${POSTGRES}/sql-state.ts`,
        find: "?? 'STATEMENT_REFUSED'",
        replace: "?? 'INTERNAL'",
      },
    ],
    tests: ['services/connectors/postgres/postgres-error.test.ts'],
  },
  {
    name: 'types that are not taken back in binary travel as text',
    edits: [
      {
        file: `${POSTGRES}/type-catalog.ts`,
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
        file: `${POSTGRES}/ssl-mode.ts`,
        find: '    rejectUnauthorized: isVerified,\n',
        replace: '    rejectUnauthorized: isVerified && root !== undefined,\n',
      },
    ],
    tests: ['test/cases/connections.test.ts'],
  },
  {
    name: 'rights on a sequence are asked for of sequences only',
    edits: [
      {
        file: `${POSTGRES}/sequence-rights.ts`,
        find: "CASE WHEN k.relkind = 'S' THEN has_sequence_privilege(k.oid, '${right}') END",
        replace: "has_sequence_privilege(k.oid, '${right}')",
      },
    ],
    tests: ['test/cases/planner.test.ts'],
  },
  {
    name: 'what stays behind is told by check',
    edits: [
      {
        file: 'services/cli/check/pipeline-check.ts',
        find: 'if (alike && notCarried.length > 0) findings.push(notCarriedFinding(notCarried));',
        replace: '',
      },
    ],
    tests: ['test/cases/left-out.test.ts'],
  },
  {
    name: 'a sequence goes back where the one at the source does',
    edits: [
      {
        file: `${POSTGRES}/sequence-writer.ts`,
        find: 'WHERE NOT same AND (free OR further)',
        replace: 'WHERE NOT same AND further',
      },
    ],
    tests: ['test/cases/left-out.test.ts', 'test/integration/postgres-sink-structure.test.ts'],
  },
  {
    name: 'a sequence that the target uses never goes back',
    edits: [
      {
        file: `${POSTGRES}/sequence-writer.ts`,
        find: 'WHERE NOT same AND (free OR further)',
        replace: 'WHERE NOT same',
      },
    ],
    tests: ['test/integration/postgres-sink-structure.test.ts'],
  },
  {
    name: 'an index gets another name where its own is taken',
    edits: [
      {
        file: `${POSTGRES}/index-names.ts`,
        find: 'const made = there ?? freeName(wanted, used);',
        replace: 'const made = there ?? wanted;',
      },
    ],
    tests: ['test/cases/names-taken.test.ts'],
  },
  {
    name: 'something else with the name of a sequence, a partition or a type is not taken for it',
    edits: [
      {
        file: `${POSTGRES}/create-table.ts`,
        find: '  await refuseTaken(client, definition, names);\n',
        replace: '',
      },
    ],
    tests: ['test/cases/names-taken.test.ts'],
  },
  {
    name: 'rules that act at the target are told',
    edits: [
      {
        file: `${POSTGRES}/target-check.ts`,
        find: '  findings.push(...(await checkRules(client, existing, may)));\n',
        replace: '',
      },
    ],
    tests: ['test/cases/target-needs.test.ts'],
  },
  {
    name: 'an extension is made after those that it needs',
    edits: [
      {
        file: `${POSTGRES}/needed-extensions.ts`,
        find: 'ORDER BY depth, extname',
        replace: 'ORDER BY depth DESC, extname',
      },
    ],
    tests: ['test/cases/target-needs.test.ts'],
  },
  {
    name: 'statements about the rows of a table are not about those of tables that inherit from it',
    edits: [
      {
        file: `${POSTGRES}/table-rows.ts`,
        find: "  return kind === 'p' ? sql : `ONLY ${sql}`;\n",
        replace: '  return sql;\n',
      },
    ],
    tests: ['test/cases/partitions-and-inheritance.test.ts'],
  },
  {
    name: 'a chunk that was written while another reader began is not listed',
    edits: [
      {
        file: 'shared/ledger/pipeline-ledger.ts',
        find: "    await write();\n    if ((await this.#readerEpoch()) !== before) return 'unwanted';\n",
        replace: '    await write();\n',
      },
      {
        file: 'shared/ledger/pipeline-ledger.ts',
        find: "    if ((await this.#readerEpoch()) !== before) return 'unwanted';\n    await list?.();\n",
        replace: '    await list?.();\n',
      },
    ],
    tests: ['test/integration/file-sink.test.ts', 'test/integration/ledger.test.ts'],
  },
  {
    name: 'a chunk that comes to the target while its lane is looked at is not taken for lost',
    edits: [
      {
        file: 'services/source-reader/snapshot-copier.ts',
        find: '      if (this.#sent.get(id) !== sent) continue;\n',
        replace: '',
      },
    ],
    tests: ['services/source-reader/snapshot-copier.test.ts'],
  },
  {
    name: 'a folder of marks that was made anew is read anew',
    edits: [
      {
        file: 'shared/ledger/chunk-marks.ts',
        find: 'known !== undefined && known.changedMs === changedMs',
        replace: 'known !== undefined',
      },
    ],
    tests: ['test/integration/ledger.test.ts'],
  },
  {
    name: 'partitions whose changes are not in the log are not copied',
    edits: [
      {
        file: `${POSTGRES}/catalog.ts`,
        find: 'detail.leaves.filter((leaf) => leaf.leftOut === null)',
        replace: "detail.leaves.filter((leaf) => leaf.leftOut !== 'foreign')",
      },
    ],
    tests: ['test/cases/partitions-and-inheritance.test.ts'],
  },
  {
    name: 'a partition of which the target has rows, and whose changes are no longer in the log, stops the pipeline',
    edits: [
      {
        file: `${POSTGRES}/partition-writer.ts`,
        find: "    if (known !== undefined && (known.leftOut ?? null) !== (partition.leftOut ?? null))\n      throw new WeirError('SCHEMA_CHANGED', leftOutChange(partition));\n",
        replace: '',
      },
    ],
    tests: ['test/cases/partitions-and-inheritance.test.ts'],
  },
  {
    name: 'rows go only into the table that was copied into',
    edits: [
      {
        file: `${POSTGRES}/recorded-table.ts`,
        find: 'return found[i] === oid ? [] : ',
        replace: 'return found[i] !== undefined ? [] : ',
      },
    ],
    tests: ['test/cases/target-tables.test.ts'],
  },
  {
    name: 'a setting that changes how text is read is pinned',
    edits: [
      {
        file: `${POSTGRES}/session-settings.ts`,
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
        file: `${POSTGRES}/session-settings.ts`,
        find: "    quote_all_identifiers: 'off',\n",
        replace: '',
      },
    ],
    tests: ['test/cases/settings.test.ts'],
  },
  {
    name: 'a column is told from another in its name by its number',
    edits: [
      {
        file: `${POSTGRES}/structure-changes.ts`,
        find: 'find((each) => each.number === number);\n  const quoted',
        replace: 'find((each) => each.name === name);\n  const quoted',
      },
    ],
    tests: ['test/cases/structure-changes.test.ts'],
  },
  {
    name: 'values that an ALTER made anew are looked for',
    edits: [
      {
        file: `${POSTGRES}/structure-reads.ts`,
        find: 'rewritten.add(column.number);',
        replace: 'continue;',
      },
    ],
    tests: ['test/cases/structure-changes.test.ts'],
  },
  {
    name: "the catalog is looked at before the log's end is told",
    edits: [
      {
        file: `${POSTGRES}/source-session.ts`,
        find: '    if (this.#released !== null) await this.#look();\n',
        replace: '',
      },
    ],
    tests: ['test/cases/structure-changes.test.ts'],
  },
  {
    name: 'a table is where the plan had it, or the pipeline stops',
    edits: [
      {
        file: `${POSTGRES}/table-places.ts`,
        find: 'WHERE c.oid IS NULL OR c.relname <> w.name OR n.nspname <> w.schema',
        replace: 'WHERE false',
      },
    ],
    tests: ['test/cases/structure-changes.test.ts'],
  },
  {
    name: 'older rows of an added column have what all partitions have',
    edits: [
      {
        file: `${POSTGRES}/structure-reads.ts`,
        find: 'columns.push({ ...column, missing, unknown });',
        replace: 'columns.push(column);',
      },
    ],
    tests: ['test/cases/structure-changes.test.ts'],
  },
  {
    name: 'a table without its key is refused before its publication changes',
    edits: [
      {
        file: `${POSTGRES}/source.ts`,
        find: '        if (known !== null) requireKeyed(known, catalog.tables);\n',
        replace: '',
      },
    ],
    tests: ['test/cases/structure-changes.test.ts'],
  },
  {
    name: 'a change that the catalog shows comes where the log ended when it was seen',
    edits: [
      {
        file: `${POSTGRES}/pgoutput.ts`,
        find: 'if (order < 0 || (order === 0 && !begins)) return;',
        replace: 'return;',
      },
    ],
    tests: ['test/cases/structure-changes.test.ts'],
  },
  {
    name: 'a run has caught up only where structures agree',
    edits: [
      {
        file: 'services/cli/supervisor/caught-up.ts',
        find: 'if (differences !== null && differences.length > 0)',
        replace: 'if (differences === null)',
      },
    ],
    tests: ['test/cases/structure-changes.test.ts'],
  },
];
