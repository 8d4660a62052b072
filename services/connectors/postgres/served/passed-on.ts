import type { ChangeReceiver } from '../../../../shared/connector/source.ts';

/** Gives changes on as they come; a subclass looks at the positions up to which everything has been given. */
export abstract class PassedOn implements ChangeReceiver {
  protected readonly receiver: ChangeReceiver;

  constructor(receiver: ChangeReceiver) {
    this.receiver = receiver;
  }

  begins(timeMs: number): void {
    this.receiver.begins?.(timeMs);
  }

  change(...change: Parameters<ChangeReceiver['change']>): void {
    this.receiver.change(...change);
  }

  barrier(...barrier: Parameters<ChangeReceiver['barrier']>): void {
    this.receiver.barrier(...barrier);
  }

  commit(position: Buffer, timeMs: number): void {
    this.receiver.commit(position, timeMs);
    this.passed(position);
  }

  watermark(position: Buffer, timeMs: number): void {
    this.receiver.watermark(position, timeMs);
    this.passed(position);
  }

  ready(): Promise<void> | undefined {
    return this.receiver.ready();
  }

  protected abstract passed(position: Buffer): void;
}
