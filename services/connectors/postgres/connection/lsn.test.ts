import { describe, expect, it } from 'vitest';
import { toPosition } from '../../../../shared/change/position.ts';
import { lsnToPosition, parseLsn, positionToLsn } from './lsn.ts';

describe('LSN', () => {
  it.each(['0/0', '16/B374D848', 'FFFFFFFF/FFFFFFFF'])('%s becomes a position and back', (text) => {
    expect(positionToLsn(lsnToPosition(parseLsn(text)))).toBe(text);
  });

  it('orders as the log does, changes after the watermark of their transaction', () => {
    const at = parseLsn('1/00000010');
    expect(lsnToPosition(at) < lsnToPosition(parseLsn('1/100'))).toBe(true);
    const change = toPosition(0x1_0000_0010n, 7n);
    expect(change > lsnToPosition(at)).toBe(true);
    expect(positionToLsn(change)).toBe('1/10');
  });

  it('refuses what is not an LSN', () => {
    expect(() => parseLsn('12')).toThrow(TypeError);
  });
});
