import type { Mutation } from './mutation.ts';

const POSTGRES = 'services/connectors/postgres';

/** What keeps one table, column or name from being taken for another, and a part for the whole. */
export const STRUCTURE: readonly Mutation[] = [
  {
    name: 'a check says what a start would stop at in the structure',
    edits: [
      {
        file: `${POSTGRES}/source/known-check.ts`,
        find: 'return { findings, changes: await readChanges(control, known, tables) };',
        replace:
          'return { findings, changes: (await readChanges(control, known, tables)).slice(99) };',
      },
    ],
    tests: ['test/cases/structure-changes.test.ts'],
  },
  {
    name: 'what is noted of a partition is compared before it is noted anew',
    edits: [
      {
        file: `${POSTGRES}/sink/barrier/run-barrier.ts`,
        find: "$4::jsonb || jsonb_build_object('partitions', definition -> 'partitions')",
        replace: '$4::jsonb',
      },
    ],
    tests: ['test/cases/partitions-and-inheritance.test.ts'],
  },
  {
    name: 'rights on a sequence are asked for of sequences only',
    edits: [
      {
        file: `${POSTGRES}/catalog/sequence-rights.ts`,
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
        file: 'services/preflight/pipeline-check.ts',
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
        file: `${POSTGRES}/sink/ddl/sequence-writer.ts`,
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
        file: `${POSTGRES}/sink/ddl/sequence-writer.ts`,
        find: 'WHERE NOT same AND (free OR further)',
        replace: 'WHERE NOT same',
      },
    ],
    tests: ['test/integration/postgres-sink-structure.test.ts'],
  },
  {
    name: 'a sequence that no column owns is owned by none at the target',
    edits: [
      {
        file: `${POSTGRES}/catalog/table-catalog.ts`,
        find: `own.deptype IN ('i', 'a')), 'standalone'),`,
        replace: `own.deptype IN ('i', 'a')), 'serial'),`,
      },
    ],
    tests: ['test/cases/sequences.test.ts', 'test/cases/made-structure.test.ts'],
  },
  {
    name: 'a sequence of another column stays with that column',
    edits: [
      {
        file: `${POSTGRES}/catalog/table-catalog.ts`,
        find: `WHEN own.refobjid <> a.attrelid OR own.refobjsubid <> a.attnum THEN 'shared'`,
        replace: `WHEN false THEN 'shared'`,
      },
    ],
    tests: ['test/cases/sequences.test.ts', 'test/cases/made-structure.test.ts'],
  },
  {
    name: 'defaults that need other tables come when those are there',
    edits: [
      {
        file: `${POSTGRES}/sink/ddl/table-ddl.ts`,
        find: 'isShared(column.name, definition.sequences) ? { ...column, default: null } : column',
        replace: 'column',
      },
    ],
    tests: ['test/cases/made-structure.test.ts'],
  },
  {
    name: 'a partition has its own defaults',
    edits: [
      {
        file: `${POSTGRES}/sink/ddl/default-ddl.ts`,
        find: '...partitions.flatMap((each) => toPartitionDefaults(each, definition, names)),',
        replace: '',
      },
    ],
    tests: ['test/cases/made-structure.test.ts'],
  },
  {
    name: 'a partition that is made later has its own defaults',
    edits: [
      {
        file: `${POSTGRES}/sink/ddl/partition-writer.ts`,
        find: '...toPartitionDefaults(partition, root, this.#target.names),',
        replace: '',
      },
    ],
    tests: ['test/cases/sequences.test.ts'],
  },
  {
    name: 'sequences of partitions are followed',
    edits: [
      {
        file: `${POSTGRES}/source/source-side-state.ts`,
        find: 'of allSequences(detail))',
        replace: 'of detail.sequences)',
      },
    ],
    tests: ['test/cases/sequences.test.ts'],
  },
  {
    name: 'all sequences that stand for one are set',
    edits: [
      {
        file: `${POSTGRES}/sink/ddl/sequence-writer.ts`,
        find: 'for (const sql of others) await this.#advance(client, sql, `${namespace} ${sql}`, stands);',
        replace: '',
      },
    ],
    tests: ['test/cases/sequences.test.ts'],
  },
  {
    name: 'the sequence of an identity gets another name where its own is taken',
    edits: [
      {
        file: `${POSTGRES}/sink/ddl/index-names.ts`,
        find: 'const made = freeName(each.name, used);',
        replace: 'const made = each.name;',
      },
    ],
    tests: ['test/cases/sequences.test.ts'],
  },
  {
    name: 'a sequence whose name is taken is found by check',
    edits: [
      {
        file: `${POSTGRES}/sink/ddl/sequence-check.ts`,
        find: `if (found === null) return [{ level: 'error', subject, message: takenSequence(subject) }];`,
        replace: 'if (found === null) return [];',
      },
    ],
    tests: ['test/cases/sequences.test.ts'],
  },
  {
    name: 'a sequence that is there with another definition is told by check',
    edits: [
      {
        file: `${POSTGRES}/sink/ddl/sequence-check.ts`,
        find: 'if (found === undefined || found === null || found === text) return [];',
        replace: 'return [];',
      },
    ],
    tests: ['test/cases/sequences.test.ts'],
  },
  {
    name: 'an index of the same name with another definition is told by check',
    edits: [
      {
        file: `${POSTGRES}/sink/ddl/differing-indexes.ts`,
        find: 'if (found === undefined || isSameStatement(statementOf(found, target), sql)) continue;',
        replace: 'continue;',
      },
    ],
    tests: ['test/cases/names-taken.test.ts'],
  },
  {
    name: 'quotes that the server does not print make no other index',
    edits: [
      {
        file: `${POSTGRES}/sink/ddl/moved-definition.ts`,
        find: 'return withoutNeedlessQuotes(one) === withoutNeedlessQuotes(other);',
        replace: 'return one === other;',
      },
    ],
    tests: ['test/cases/foreign-types.test.ts'],
  },
  {
    name: 'an index that is not valid is not made',
    edits: [
      {
        file: `${POSTGRES}/catalog/catalog.ts`,
        find: ' && index.isValid',
        replace: '',
      },
    ],
    tests: ['test/cases/made-structure.test.ts'],
  },
  {
    name: 'tables inherit at the target as they do at the source',
    edits: [
      {
        file: `${POSTGRES}/sink/ddl/create-inheritance.ts`,
        find: 'if (isNew) await runDdl(client, inheritStatement(each), what);',
        replace: 'if (isNew) continue;',
      },
    ],
    tests: ['test/cases/partitions-and-inheritance.test.ts'],
  },
  {
    name: 'a table gets the parent again that is made anew',
    edits: [
      {
        file: `${POSTGRES}/sink/ddl/create-inheritance.ts`,
        find: 'else if (isAgain) await tryDdl(client, inheritStatement(each));',
        replace: '',
      },
    ],
    tests: [
      'test/cases/partitions-and-inheritance.test.ts',
      'test/cases/inheritance-changes.test.ts',
    ],
  },
  {
    name: 'a column that a parent has is altered for both',
    edits: [
      {
        file: `${POSTGRES}/sink/ddl/by-hand.ts`,
        find: 'const above = there.inherited.get(column);',
        replace: 'const above: string | undefined = undefined;',
      },
    ],
    tests: ['test/cases/inheritance-changes.test.ts'],
  },
  {
    name: 'a table that is copied anew is emptied without its children',
    edits: [
      {
        file: `${POSTGRES}/sink/ddl/by-hand.ts`,
        find: 'empty: `TRUNCATE ${rowsOf(sql, kind)}`',
        replace: 'empty: `TRUNCATE ${sql}`',
      },
    ],
    tests: ['test/cases/inheritance-changes.test.ts'],
  },
  {
    name: 'an index gets another name where its own is taken',
    edits: [
      {
        file: `${POSTGRES}/sink/ddl/index-names.ts`,
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
        file: `${POSTGRES}/sink/ddl/create-table.ts`,
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
        file: `${POSTGRES}/sink/check/target-check.ts`,
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
        file: `${POSTGRES}/catalog/needed-extensions.ts`,
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
        file: `${POSTGRES}/catalog/table-rows.ts`,
        find: "  return kind === 'p' ? sql : `ONLY ${sql}`;\n",
        replace: '  return sql;\n',
      },
    ],
    tests: ['test/cases/partitions-and-inheritance.test.ts'],
  },
  {
    name: 'partitions whose changes are not in the log are not copied',
    edits: [
      {
        file: `${POSTGRES}/catalog/catalog.ts`,
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
        file: `${POSTGRES}/sink/ddl/partition-writer.ts`,
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
        file: `${POSTGRES}/sink/target/recorded-table.ts`,
        find: 'return found[i] === oid ? [] : ',
        replace: 'return found[i] !== undefined ? [] : ',
      },
    ],
    tests: ['test/cases/target-tables.test.ts'],
  },
  {
    name: 'a column is told from another in its name by its number',
    edits: [
      {
        file: `${POSTGRES}/catalog/structure-changes.ts`,
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
        file: `${POSTGRES}/catalog/structure-reads.ts`,
        find: 'rewritten.add(column.number);',
        replace: 'continue;',
      },
    ],
    tests: ['test/cases/structure-changes.test.ts'],
  },
  {
    name: 'a table is where the plan had it, or the pipeline stops',
    edits: [
      {
        file: `${POSTGRES}/source/table-places.ts`,
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
        file: `${POSTGRES}/catalog/structure-reads.ts`,
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
        file: `${POSTGRES}/source/source.ts`,
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
        file: `${POSTGRES}/source/log/pgoutput.ts`,
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
        file: 'services/supervisor/caught-up.ts',
        find: 'if (differences !== null && differences.length > 0)',
        replace: 'if (differences !== null && differences.length < 0)',
      },
    ],
    tests: ['test/cases/structure-changes.test.ts'],
  },
  {
    name: 'types that a table at the target has are compared with those of the source',
    edits: [
      {
        file: `${POSTGRES}/sink/check/target-check.ts`,
        find: 'of await otherTypes(client, described.types, table.oid))',
        replace: 'of await otherTypes(client, []))',
      },
    ],
    tests: ['test/cases/names-taken.test.ts'],
  },
  {
    name: 'a name that the server of the target would cut is refused',
    edits: [
      {
        file: `${POSTGRES}/sink/target/target-names.ts`,
        find: 'if (Buffer.byteLength(part) > MAX_NAME_BYTES)',
        replace: 'if (Buffer.byteLength(part) > 1_000)',
      },
    ],
    tests: ['test/cases/target-tables.test.ts'],
  },
];
