/** What one process sees of the others: who lives, and who holds which lane. */
export interface LaneView {
  lanes: number;
  /** All living ones, this one among them. */
  members: ReadonlySet<string>;
  /** Lane to holder, for the lanes that have one. */
  holders: ReadonlyMap<number, string>;
  self: string;
}

export interface LaneDecision {
  release: number[];
  /** Lanes without a holder that this one should try to get, best first. */
  acquire: number[];
  /** Others hold what this writer should have: it must soon look again, for they are giving it up or are gone. */
  isShort: boolean;
}

/**
 * Which lanes to give up and which to ask for, so that all writers come to hold equally many and as few lanes move
 * as can be. Each writer decides for itself from the same view; a race for a lane is settled by its lease.
 */
export function decideLanes({ lanes, members, holders, self }: LaneView): LaneDecision {
  const least = Math.floor(lanes / members.size);
  const most = Math.ceil(lanes / members.size);
  const held = new Map([...members].map((member) => [member, 0]));
  const mine: number[] = [];
  const free: number[] = [];
  for (let lane = 0; lane < lanes; lane++) {
    const holder = holders.get(lane);
    if (holder === undefined) free.push(lane);
    else if (holder === self) mine.push(lane);
    if (holder !== undefined) held.set(holder, (held.get(holder) ?? 0) + 1);
  }
  const othersStarve = [...members].some(
    (member) => member !== self && (held.get(member) ?? 0) < least,
  );
  const keep = othersStarve && free.length === 0 ? least : most;
  const room = Math.max(0, most - mine.length);
  return {
    release: mine.slice(keep),
    acquire: free.slice(0, room),
    isShort: mine.length < least,
  };
}
