const VERBS = 'ALTER|CREATE|DROP|GRANT|UPDATE|TRUNCATE|DELETE';
/** A sentence or a list of statements ends here. */
const END =
  '(?:\\.? (?=To copy |Rows that |What older |Weir cannot |Or make |Then start )|; then (?:start|run)|, or |, which|\\.?$)';
/** What the message cannot know. */
const SAME_USING = / USING …| \(with the same USING, if it was changed with one\)/g;
/** Work for a person, which is no single statement. */
const BY_HAND = /copy the rows of|bring its values there|give it the values|by hand/;

/**
 * Statements that a message asks for; empty where it asks for something else. `using` is what the source's change of
 * a type was made with, which whoever follows the advice knows.
 */
export function advisedStatements(message: string, using: string): string[] {
  if (BY_HAND.test(message)) return [];
  const anew = match(message, `To copy the table anew, run at the target: (.*?)${END}`);
  const run = match(message, `[^,] [Rr]un (?:at the target: )?((?:${VERBS}) .*?)${END}`);
  const accept = anew.length === 0 ? match(message, `say so: (.*?)${END}`) : [];
  return [...run, ...anew, ...accept].map((sql) => sql.replaceAll(SAME_USING, using));
}

function match(message: string, pattern: string): string[] {
  const found = new RegExp(pattern, 's').exec(message)?.[1];
  return found === undefined ? [] : [found];
}
