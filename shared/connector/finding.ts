import type { ErrorCode } from '../errors/codes.ts';

/** One result of a preflight check. */
export interface Finding {
  level: 'error' | 'warning' | 'ok';
  /** What it is about: a server, a setting, a namespace. */
  subject: string;
  /** One sentence: what was found and, unless `ok`, what to do about it. */
  message: string;
  /** What a start would end with because of it. */
  code?: ErrorCode;
  /** The target's structure does not fit what this pipeline has written there already. */
  differs?: true;
  /** Of what the message sums up. */
  details?: NotCarried[];
}

/** Things of one kind that stay behind at the source. */
export interface NotCarried {
  kind: string;
  count: number;
  /** The first few. */
  names: string[];
  /** How it comes to the target, where that is not as for most. */
  bring?: string;
}
