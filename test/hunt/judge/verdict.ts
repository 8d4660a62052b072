export type Verdict =
  | { is: 'equal' }
  /** A stop that the docs know, and that the case gives a reason for. */
  | { is: 'refused'; code: string; message: string }
  | { is: 'failed'; why: Failure; details: string[] };

export type Failure =
  | 'internal error'
  | 'different'
  | 'hangs'
  | 'advice does not help'
  | 'refused for no reason'
  | 'hunt broken';

export function verdictText(verdict: Verdict): string {
  switch (verdict.is) {
    case 'equal':
      return 'equal';
    case 'refused':
      return `refused: ${verdict.code}: ${verdict.message}`;
    case 'failed':
      return [`failed: ${verdict.why}`, ...verdict.details].join('\n  ');
  }
}
