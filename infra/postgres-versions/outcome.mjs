import path from 'node:path';

/**
 * What became of a test file.
 *
 * @typedef {{ file: string; passed: number; failed: string[] }} Outcome
 */

/**
 * @param {string} text vitest's report in JSON
 * @param {string} root
 * @returns {Outcome[]}
 */
export function readReport(text, root) {
  const { testResults } =
    /** @type {{ testResults: { name: string; status: string; assertionResults: { status: string; title: string }[] }[] }} */ (
      JSON.parse(text)
    );
  return testResults.map(({ name, status, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === 'failed').map((t) => t.title);
    // A file that could not begin has no test that failed.
    if (status === 'failed' && failed.length === 0) failed.push('the file itself');
    const passed = assertionResults.filter((test) => test.status === 'passed').length;
    return { file: path.relative(root, name), passed, failed };
  });
}

/**
 * What tests left out on this server, and why, as they said it.
 *
 * @param {string} log
 */
export function leftOut(log) {
  return [...new Set(log.split('\n').filter((line) => line.startsWith('left out on ')))];
}

/** @param {Outcome[]} outcomes */
export function countOutcomes(outcomes) {
  return {
    passed: outcomes.reduce((sum, { passed }) => sum + passed, 0),
    failed: outcomes.reduce((sum, { failed }) => sum + failed.length, 0),
  };
}

/**
 * A row for each file, a column for each version: passed of all.
 *
 * @param {{ name: string; outcomes: Outcome[] }[]} columns
 */
export function printTable(columns) {
  const files = [...new Set(columns.flatMap(({ outcomes }) => outcomes.map((o) => o.file)))].sort();
  const rows = files.map((file) => [
    file,
    ...columns.map(({ outcomes }) => {
      const found = outcomes.find((outcome) => outcome.file === file);
      return found === undefined ? '' : `${found.passed}/${found.passed + found.failed.length}`;
    }),
  ]);
  const table = [['', ...columns.map(({ name }) => name)], ...rows];
  const widths = (table[0] ?? []).map((_, i) =>
    Math.max(...table.map((row) => row[i]?.length ?? 0)),
  );
  return table
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
