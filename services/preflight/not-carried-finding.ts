import type { Finding, NotCarried } from '../../shared/connector/finding.ts';

/** Kinds that the sentence itself names. */
const NAMED = 3;

/** One finding for all that stays behind, however much it is. */
export function notCarriedFinding(details: NotCarried[]): Finding {
  const named = details.slice(0, NAMED).map(({ kind }) => kind);
  const more = details.length - named.length;
  const list = more > 0 ? `${named.join(', ')} and ${more} more kinds` : named.join(', ');
  return {
    level: 'warning',
    subject: 'not carried',
    message:
      `${list}, listed by \`weir check\`: where the target needs them, make its structure before the first start with ` +
      'pg_dump --schema-only --no-publications --no-subscriptions SOURCE | psql TARGET, and the tables that are there are filled',
    details,
  };
}
