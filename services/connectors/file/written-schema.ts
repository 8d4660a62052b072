import path from 'node:path';
import { Draft } from './draft.ts';
import { SCHEMA_FILE } from './schema-file.ts';
import type { FileSchema } from './file-schema.ts';

export async function writeSchema(folder: string, schema: FileSchema): Promise<void> {
  const draft = await Draft.open(path.join(folder, SCHEMA_FILE), false);
  try {
    await draft.write(`${JSON.stringify(schema, null, 2)}\n`);
    await draft.publish();
  } catch (error) {
    await draft.discard();
    throw error;
  }
}
