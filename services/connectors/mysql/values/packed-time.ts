const DATE = 10;
const TIME = 11;
const TIMES = new Set([7, 12]);

/** A date or time in a document, 64 bits: sign, 17 for year and month, 5, 5, 6, 6 and 24 for millionths. Null where it is of another type. */
export function readPacked(type: number, bytes: Buffer, at: number): string | null {
  if (type !== DATE && type !== TIME && !TIMES.has(type)) return null;
  const packed = bytes.readBigInt64LE(at);
  const positive = packed < 0n ? -packed : packed;
  const micros = padded(Number(positive & 0xff_ffffn), 6);
  // Hours of a time go on where the day would be.
  const clock = Number((positive >> 24n) & (type === TIME ? 0x3f_ffffn : 0x1_ffffn));
  const time = `${padded(clock >> 12, 2)}:${padded((clock >> 6) & 63, 2)}:${padded(clock & 63, 2)}.${micros}`;
  if (type === TIME) return `${packed < 0n ? '-' : ''}${time}`;
  const day = Number(positive >> 41n);
  const months = day >> 5;
  const date = `${padded(Math.floor(months / 13), 4)}-${padded(months % 13, 2)}-${padded(day & 31, 2)}`;
  return type === DATE ? date : `${date} ${time}`;
}

function padded(number: number, width: number): string {
  return String(number).padStart(width, '0');
}
