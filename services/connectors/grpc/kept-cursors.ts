import { z } from 'zod';
import type { Position } from '../../../shared/change/position.ts';
import type { KeptState } from '../../../shared/connector/source.ts';
import type { GrpcSnapshot } from './plan.ts';

const KEPT = z.strictObject({
  /** Of the plan: cursors of another one say nothing. */
  plan: z.string(),
  /** In base64, one for each stream of updates. */
  cursors: z.array(z.base64()),
});

interface Mark {
  position: Position;
  /** Changes given before it, over all streams. */
  changes: number;
  cursors: Map<number, string>;
}

/**
 * From where each stream of updates is to begin again. A cursor comes behind changes; it counts when the target has
 * committed everything before the position that it came at.
 */
export class KeptCursors {
  readonly #plan: string;
  readonly #cursors: string[];
  #marks: Mark[] = [];

  /** `kept`: as `state` was stored last; null or of another plan, streams begin where the plan says. */
  constructor({ id, updates }: GrpcSnapshot, kept: unknown) {
    const known = KEPT.safeParse(kept).data;
    const isOurs = known?.plan === id && known.cursors.length === updates.length;
    this.#plan = id;
    this.#cursors = isOurs ? [...known.cursors] : updates.map(({ cursor }) => cursor);
  }

  cursorOf(stream: number): Buffer {
    return Buffer.from(this.#cursors[stream]!, 'base64');
  }

  /** `stream` said that it has given everything before `cursor`, when so many changes had been given in all. */
  note(stream: number, cursor: Uint8Array, position: Position, changes: number): void {
    const text = Buffer.from(cursor).toString('base64');
    const last = this.#marks.at(-1);
    if (last?.changes === changes) last.cursors.set(stream, text);
    else this.#marks.push({ position, changes, cursors: new Map([[stream, text]]) });
  }

  /** The target has committed everything before `position`. */
  release(position: Position): void {
    const passed = this.#marks.findIndex((mark) => mark.position > position);
    const known = this.#marks.splice(0, passed < 0 ? this.#marks.length : passed);
    for (const { cursors } of known)
      for (const [stream, cursor] of cursors) this.#cursors[stream] = cursor;
  }

  state(): KeptState {
    return {
      kept: { plan: this.#plan, cursors: [...this.#cursors] } satisfies z.infer<typeof KEPT>,
    };
  }
}
