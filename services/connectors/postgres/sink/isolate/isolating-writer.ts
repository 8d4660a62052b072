import type { ConnectorLog } from '../../../../../shared/connector/end-options.ts';
import type { LaneBatch } from '../../../../../shared/connector/sink.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import type { Aside } from '../../../../../shared/state/quarantine/aside.ts';
import { logRefused } from '../../../../../shared/state/quarantine/log-refused.ts';
import type { IsolatingOptions, IsolatingOutcome } from './write-isolating.ts';

/** Writes the batch on a session of its own. */
export type WriteBatch = (options: Pick<IsolatingOptions, 'holdAll'>) => Promise<IsolatingOutcome>;

/**
 * Decides between the fast way, which fails as a whole where a row is refused or may have to wait behind parked ones,
 * and the careful one. What is remembered here only saves a try: the target's own transactions decide.
 */
export class IsolatingWriter {
  readonly #log: ConnectorLog;
  #parked = false;

  constructor(log: ConnectorLog) {
    this.#log = log;
  }

  /** `fast` is null where something of the batch is known to be refused. */
  async write(
    batch: LaneBatch,
    fast: (() => Promise<void>) | null,
    careful: WriteBatch,
  ): Promise<void> {
    const isKnown = fast === null || batch.held !== undefined;
    let holdAll = isKnown;
    if (!isKnown && (!this.#parked || batch.changes.length === 0))
      try {
        return await fast();
      } catch (error) {
        if (!needsCare(error, batch)) throw error;
        holdAll = error.code === 'ROW_REFUSED';
      }
    let done = await careful({ holdAll });
    if (done.outcome === 'again') done = await careful({ holdAll: true });
    this.#parked = done.parked;
    this.tell(done.refused);
  }

  tell(refused: readonly Aside[]): void {
    logRefused(this.#log, refused);
  }
}

/** FENCED may mean that rows are parked: the careful way looks. */
function needsCare(error: unknown, batch: LaneBatch): error is WeirError {
  if (!(error instanceof WeirError) || batch.changes.length === 0) return false;
  return error.code === 'ROW_REFUSED' || error.code === 'FENCED';
}
