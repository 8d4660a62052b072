/** A table with aligned columns, as the formatter leaves it. */
export function markdownTable(heads: readonly string[], rows: readonly string[][]): string {
  const all = [heads, ...rows.map((row) => row.map((cell) => cell.replaceAll('|', '\\|')))];
  const widths = heads.map((_, column) =>
    Math.max(3, ...all.map((row) => [...(row[column] ?? '')].length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell + ' '.repeat(widths[i]! - [...cell].length)).join(' | ')} |`;
  return [
    line(heads),
    line(widths.map((width) => '-'.repeat(width))),
    ...all.slice(1).map(line),
  ].join('\n');
}

export function code(text: string): string {
  return `\`${text}\``;
}
