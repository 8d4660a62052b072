import type { FailureRecord } from './feedback-store.ts';
import { isUnder } from './prefix.ts';
import type { Revision } from './revision.ts';
import type { Cursor } from './transport.ts';
import type { KeyState } from './watch-state.ts';

/** An answered version, and where its value is. */
interface Answered<Place> {
  readonly is: 'answered';
  readonly revision: Revision;
  readonly stamp: number;
  readonly place: Place;
}

type Known<Place> = Answered<Place> | Exclude<KeyState, { is: 'answered' }>;

const TOUCHED = { is: 'touched' } as const;

/** What both states have in memory; they differ in where values are. */
export class StateIndex<Place> {
  readonly known = new Map<string, Known<Place>>();
  readonly staged = new Map<string, Answered<Place>>();
  readonly failures = new Map<string, FailureRecord>();
  readonly cursors = new Map<string, Cursor>();

  answer(key: string, revision: Revision, stamp: number, place: Place): void {
    this.known.set(key, { is: 'answered', revision, stamp, place });
  }

  stage(key: string, revision: Revision, stamp: number, place: Place): void {
    this.staged.set(key, { is: 'answered', revision, stamp, place });
  }

  commitStaged(): void {
    for (const [key, version] of this.staged) this.known.set(key, version);
    this.staged.clear();
  }

  remove(key: string, revision: Revision): void {
    this.known.set(key, { is: 'gone', revision });
  }

  /** Those of the keys that nothing was known of; a removed one counts as given again. */
  touch(keys: Iterable<string>): string[] {
    const touched: string[] = [];
    for (const key of keys) {
      const known = this.known.get(key);
      if (known !== undefined && known.is !== 'gone') continue;
      this.known.set(key, TOUCHED);
      touched.push(key);
    }
    return touched;
  }

  settle(isHere: (key: string) => boolean, revision: Revision): void {
    for (const [key, known] of this.known)
      if (known.is === 'gone' && known.revision <= revision && isHere(key)) this.known.delete(key);
  }

  forgetRemoved(prefixes: readonly string[]): void {
    for (const [key, known] of this.known)
      if (known.is === 'gone' && isUnder(key, prefixes)) this.known.delete(key);
  }

  place(key: string): Place | undefined {
    const known = this.known.get(key);
    return known?.is === 'answered' ? known.place : undefined;
  }
}
