import type { LogicalType } from '../../schema/logical-type.ts';
import { fractionText } from './calendar.ts';
import {
  clockSeconds,
  clockText,
  DAY_SECONDS,
  isPlainClock,
  offsetSeconds,
  offsetText,
} from './clock.ts';
import type { Codec } from './codec.ts';
import { trimmed } from './plain-bytes.ts';
import { refuse } from './refusal.ts';

const FORM = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-][\d:]+)?$/;

const DURATION = /^(-?)(\d{2,3}):(\d\d):(\d\d)(?:\.(\d+))?$/;
/** 838:59:59, which is as far as those go that go beyond a day. */
const MOST_DURATION = 839 * 3600 - 1;

type TimeType = Omit<Extract<LogicalType, { kind: 'time' }>, 'kind'>;

/** Of a day, its end (24:00:00) included; a duration may be longer, or negative. With a zone it keeps the offset that it has. */
export function timeCodec({ precision, zone, duration }: TimeType): Codec {
  if (duration) return durationCodec(precision);
  const example = `23:59:59.123456${zone ? '+05:30' : ''}`;
  return {
    isCanonical: (bytes, from, to) => !zone && isPlainClock(bytes, from, to, precision),
    read(text) {
      const [, hour, minute, second, fraction, offset] =
        FORM.exec(trimmed(text)) ?? refuse(`it is no time as ${example}`);
      if (zone && offset === undefined) refuse('it does not say its offset from UTC');
      if (!zone && offset !== undefined) refuse('it says an offset from UTC, and the type has none'); // prettier-ignore
      const seconds = clockSeconds(hour!, minute!, second, DAY_SECONDS);
      const shown = fractionText(fraction, precision);
      if (seconds === DAY_SECONDS && shown !== '') refuse('a day ends at 24:00:00');
      return clockText(seconds) + shown + (zone ? offsetText(offsetSeconds(offset!)) : '');
    },
  };
}

function durationCodec(precision: number): Codec {
  return {
    isCanonical: (bytes, from, to) => isPlainClock(bytes, from, to, precision),
    read(text) {
      const [, sign, hour, minute, second, fraction] =
        DURATION.exec(trimmed(text)) ?? refuse('it is no time as -838:59:59');
      const seconds = clockSeconds(hour!, minute!, second, MOST_DURATION);
      const shown = fractionText(fraction, precision);
      return `${sign === '-' && (seconds > 0 || shown !== '') ? '-' : ''}${clockText(seconds)}${shown}`;
    },
  };
}
