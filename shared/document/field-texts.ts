import { BSON } from 'bson';

/** The fields of a document for people to read; what has no plain text is written as Extended JSON. */
export function fieldTexts(document: Buffer): Record<string, string> {
  const fields = BSON.deserialize(document, { promoteValues: false, bsonRegExp: true });
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === 'string' ? value : BSON.EJSON.stringify(value),
    ]),
  );
}
