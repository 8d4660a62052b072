/** Says in one sentence what is wrong and what to do; ends the set-up with exit code 3. */
export class SetupError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'SetupError';
  }
}
