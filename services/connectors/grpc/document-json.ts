import { readElements } from '../../../shared/document/bson-reader.ts';
import { toJson } from '../../../shared/document/json-text.ts';
import { Misfit } from '../../../shared/document/misfit.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';

/**
 * A BSON document as JSON with an `id` (`DATA_TYPE_JSON_ID`), its `_id`. What JSON has no form for is written as Extended
 * JSON has it. `whole`: not only changed fields.
 */
export function documentToJson(namespace: string, document: Uint8Array, whole: boolean): Buffer {
  const bytes = Buffer.from(document.buffer, document.byteOffset, document.byteLength);
  try {
    const fields = new Map<string, string>();
    let id: string | undefined;
    for (const element of readElements(bytes)) {
      const text = toJson({ ...element, bytes });
      if (element.name === '_id') id = text;
      else fields.set(element.name, text);
    }
    if (whole) {
      if (fields.has('id') && fields.get('id') !== id) throw twoIds(namespace);
      fields.delete('id');
    }
    const entries = [...fields].map(([name, text]) => `${JSON.stringify(name)}:${text}`);
    if (whole) entries.unshift(`"id":${id ?? 'null'}`);
    return Buffer.from(`{${entries.join(',')}}`);
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    throw new WeirError(
      'ROW_REFUSED',
      `a document of ${namespace} has a value of a BSON type that JSON cannot carry, and the target takes JSON only; remove it`,
    );
  }
}

function twoIds(namespace: string): WeirError {
  return new WeirError(
    'ROW_REFUSED',
    `a document of ${namespace} has a field id that is not its _id, and the target takes JSON, where they are one; rename the field`,
  );
}
