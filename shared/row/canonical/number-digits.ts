/** The digits of a number as it is written: all of them without zeros in front. */
export interface Digits {
  digits: string;
  /** How many of them are behind the point; negative: zeros follow. */
  scale: number;
  negative: boolean;
}

const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,6}))?$/i;

/** Null where it is no number. */
export function parseDigits(text: string): Digits | null {
  const match = NUMBER.exec(text);
  if (match === null) return null;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  if (whole + fraction === '') return null;
  const digits = (whole + fraction).replace(/^0+/, '');
  return { digits, scale: fraction.length - Number(exponent), negative: sign === '-' };
}

/**
 * Without an exponent, with as many digits behind the point as `scale` says, or as it has where that is null; null where
 * the number has more.
 */
export function plainDigits(given: Digits, scale: number | null): string | null {
  const digits = given.digits === '' ? '0' : given.digits;
  // As digits behind a point of its own.
  let [all, behind] =
    given.scale < 0 ? [digits + '0'.repeat(-given.scale), 0] : [digits, given.scale];
  if (given.digits === '') [all, behind] = ['0'.repeat(behind + 1), behind];
  const wanted = scale ?? behind;
  const kept = Math.max(0, wanted);
  if (behind < kept) [all, behind] = [all + '0'.repeat(kept - behind), kept];
  all = all.padStart(behind + 1, '0');
  const cut = behind - wanted;
  if (cut > 0 && !/^0*$/.test(all.slice(Math.max(0, all.length - cut)))) return null;
  const whole = all.slice(0, all.length - behind).replace(/^0+(?=\d)/, '');
  const fraction = all.slice(all.length - behind, all.length - behind + kept);
  const isZero = /^0*$/.test(whole + fraction);
  return `${given.negative && !isZero ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}
