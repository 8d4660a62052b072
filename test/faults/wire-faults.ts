import { setTimeout as sleep } from 'node:timers/promises';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import type { Wires } from './fault-pipeline.ts';
import type { Fault } from './fault-schedule.ts';

/** What happens to each wire. */
const HARM: Record<string, (wire: TcpProxy, random: (below: number) => number) => Promise<void>> = {
  cut: async (wire) => wire.cut(),
  'half close': async (wire) => wire.halfClose(),
  async refuse(wire, random) {
    wire.refuse();
    await sleep(300 + random(2_000));
    wire.admit();
  },
  async stop(wire, random) {
    wire.hold();
    await sleep(300 + random(3_000));
    wire.release();
  },
  async 'stop, then cut'(wire, random) {
    wire.hold();
    await sleep(300 + random(1_000));
    wire.cut();
    wire.release();
  },
  async 'slow down'(wire, random) {
    wire.delayMs = 20 + random(80);
    await sleep(1_500);
    wire.delayMs = 0;
  },
};

export function wireFaults(wires: Wires): Fault[] {
  return Object.entries(wires).flatMap(([end, wire]: [string, TcpProxy]) =>
    Object.entries(HARM).map(([name, harm]) => ({
      name: `${end}: ${name}`,
      strike: (random: (below: number) => number) => harm(wire, random),
    })),
  );
}
