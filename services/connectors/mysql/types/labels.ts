import { WeirError } from '../../../../shared/errors/weir-error.ts';

const ESCAPES: Readonly<Record<string, string>> = { '0': '\0', n: '\n', r: '\r', Z: '\x1a' };

/**
 * The labels of an enum or set as `COLUMN_TYPE` lists them: in single quotes, a quote written twice, and a few characters
 * behind a backslash.
 *
 * Catalogs of these servers are in three bytes a character at most: a label with any other (an emoji) is kept as it is, and
 * shown with a `?` in its place, by every statement. So nothing tells what a label with `?` is, and it is refused.
 */
export function parseLabels(text: string): string[] {
  const labels: string[] = [];
  for (const [, quoted] of text.matchAll(/'((?:[^'\\]|''|\\[^])*)'/g))
    labels.push(
      quoted!.replaceAll(/''|\\([^])/g, (_, escaped: string | undefined) =>
        escaped === undefined ? "'" : (ESCAPES[escaped] ?? escaped),
      ),
    );
  const unsure = labels.find((label) => label.includes('?'));
  if (unsure !== undefined)
    throw new WeirError(
      'SOURCE_UNFIT',
      `An enum or set has the label "${unsure}", or one with characters where the server's catalog shows "?" (such as emojis), so it cannot be told what its labels are; make the column a varchar, or leave its table out.`,
    );
  return labels;
}
