import { featuresOf, type HuntCase } from './hunt-case.ts';

/**
 * Which refusals a case gives a reason for, by the features in it: a refusal of anything else is a fault, so that
 * "refused" is no easy way out. Code and message are matched as `CODE: message`.
 */
const ALLOWED: Readonly<Record<string, RegExp>> = {
  'structure change': /^(SCHEMA_CHANGED|TARGET_UNFIT|POSITION_LOST|SOURCE_UNFIT|check): /,
  'new table': /^(SCHEMA_CHANGED|TARGET_UNFIT|SOURCE_UNFIT|check): /,
  edit: /^(CONFIG_INVALID|TARGET_UNFIT|check|no code): /,
  extension: /^(check|TARGET_UNFIT): .*extension/i,
  'own function': /^(check|TARGET_UNFIT): .*function/i,
  'unlogged table': /No table of .* can be carried/,
  'own collation': /collation/i,
  'many columns': /columns/,
  'generated key': /generated|key/,
  'bare table': /no column|without columns/i,
  'unlogged partition': /unlogged/i,
  'foreign partition': /foreign/i,
  // Before 14 numeric has no infinity.
  'newer than the target': /older version|for type numeric \[22P02\]/,
  // Their tables are made of what the steps give, which says of no type how it is made.
  transforms: /^check: .*the type .* does not exist at the target/,
  // Two tables that swap their names, over a target that was prepared without.
  map: /^check: \S+ at the target has no column|^check: .* column .* at the target/,
  'order transaction': /^check: .*(trigger|refer)/,
  'role at the source': /^check: .*(may not|not allowed|permission)/,
  'role at the target': /^check: .*(may not|not allowed|permission|extension)/,
};

export function isAllowed(found: HuntCase, code: string, message: string): boolean {
  const text = `${code}: ${message}`;
  return [...featuresOf(found)].some((feature) => ALLOWED[feature]?.test(text) === true);
}
