import { DatasyncError } from './datasync-error.ts';

/** A watch, as others that come after it see it. */
export interface OrderedConsumer {
  readonly name: string;
  readonly critical: boolean;
  /** Names that it said it comes after; undefined: it comes after the one registered before it. */
  readonly after: readonly string[] | undefined;
  /** `open`: its RESYNC is done; `failed`: it was tried and failed, and is tried again. */
  readonly resyncPhase: 'pending' | 'failed' | 'open' | 'closed';
}

export type Turn = { is: 'free' } | { is: 'waits'; for: string } | { is: 'blocked'; by: string };

/** Which consumer waits for which: RESYNC reaches each after those that it depends on. */
export class ConsumerOrder {
  readonly #consumers = new Map<string, OrderedConsumer>();
  readonly #before = new Map<string, readonly string[]>();

  register(consumer: OrderedConsumer): void {
    const { name, after } = consumer;
    if (this.#consumers.has(name))
      throw new DatasyncError('INVALID', `"${name}" watches already; each watch has its own name`);
    const last = [...this.#consumers.keys()].at(-1);
    const before = after ?? (last === undefined ? [] : [last]);
    const circle = this.#circle(name, before);
    if (circle !== undefined)
      throw new DatasyncError(
        'INVALID',
        `the order of watches is a circle: ${circle.join(' after ')}; take one "after" out`,
      );
    this.#consumers.set(name, consumer);
    this.#before.set(name, before);
  }

  remove(name: string): void {
    this.#consumers.delete(name);
  }

  /** In the order of registration. */
  all(): OrderedConsumer[] {
    return [...this.#consumers.values()];
  }

  /** Whether a consumer's RESYNC may begin now. */
  turnOf(name: string): Turn {
    let waits: Turn | undefined;
    for (const other of this.#before.get(name) ?? []) {
      const consumer = this.#consumers.get(other);
      if (consumer === undefined) {
        // A watch that was closed is not waited for, those before it are; so is one that has never come.
        const turn: Turn = this.#before.has(other)
          ? this.turnOf(other)
          : { is: 'waits', for: other };
        if (turn.is === 'blocked') return turn;
        if (turn.is === 'waits') waits ??= turn;
        continue;
      }
      if (consumer.resyncPhase === 'pending') {
        const turn = this.turnOf(other);
        if (turn.is === 'blocked') return turn;
        waits ??= { is: 'waits', for: other };
      }
      if (consumer.resyncPhase === 'failed' && consumer.critical)
        return { is: 'blocked', by: other };
    }
    return waits ?? { is: 'free' };
  }

  /** The names from `name` back to itself, where there is such a way. */
  #circle(name: string, before: readonly string[]): string[] | undefined {
    for (const other of before) {
      const path = this.#path(other, name, new Set());
      if (path !== undefined) return [name, ...path];
    }
    return undefined;
  }

  #path(from: string, to: string, seen: Set<string>): string[] | undefined {
    if (from === to) return [from];
    if (seen.has(from)) return undefined;
    seen.add(from);
    for (const other of this.#before.get(from) ?? []) {
      const path = this.#path(other, to, seen);
      if (path !== undefined) return [from, ...path];
    }
    return undefined;
  }
}
