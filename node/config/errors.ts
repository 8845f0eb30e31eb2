/**
 * A mistake of the person at the keyboard or in a file: shown as one line without a stack. `code` is stable for
 * scripts, the message says what is wrong and what to do.
 */
export class UserError extends Error {
  override name = 'UserError';
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
