/**
 * The frame of every message from the server: type byte, then i32 length that counts itself but not the type
 * (manual, "Message Formats").
 */
export const MESSAGE_HEADER_BYTES = 5;

export const MESSAGE = {
  authentication: 0x52,
  commandComplete: 0x43,
  copyBothResponse: 0x57,
  copyData: 0x64,
  copyDone: 0x63,
  copyOutResponse: 0x48,
  error: 0x45,
  notice: 0x4e,
  parameterStatus: 0x53,
  readyForQuery: 0x5a,
} as const;

/** A simple Query message. */
export function queryMessage(sql: string): Buffer {
  const length = Buffer.byteLength(sql);
  const message = Buffer.allocUnsafe(MESSAGE_HEADER_BYTES + length + 1);
  message[0] = 0x51;
  message.writeInt32BE(length + 5, 1);
  message.write(sql, MESSAGE_HEADER_BYTES);
  message[MESSAGE_HEADER_BYTES + length] = 0;
  return message;
}

/** The fields of an ErrorResponse's body as the error that `pg` would throw, without DETAIL, HINT and WHERE. */
export function parseErrorResponse(body: Buffer): Error {
  const fields: Record<string, string> = {};
  let at = 0;
  while (at < body.length && body[at] !== 0) {
    const end = body.indexOf(0, at + 1);
    const name = ERROR_FIELDS[String.fromCharCode(body[at]!)];
    if (name !== undefined) fields[name] = body.toString('utf8', at + 1, end);
    at = end + 1;
  }
  return Object.assign(new Error(fields.message ?? 'the server sent an error'), fields);
}

const ERROR_FIELDS: Readonly<Record<string, string>> = {
  S: 'severity',
  C: 'code',
  M: 'message',
  t: 'table',
  c: 'column',
  n: 'constraint',
  R: 'routine',
};

/** The count at the end of a command tag such as `COPY 12`; 0 where there is none. */
export function parseRowCount(body: Buffer): number {
  const match = / (\d+)\0?$/.exec(body.toString('latin1'));
  return match ? Number(match[1]) : 0;
}
