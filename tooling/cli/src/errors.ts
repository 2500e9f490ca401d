import { OctetError } from '@octet/backend';

/** The command line asks for something that isn't there; the program ends with code 2. */
export class UsageError extends OctetError {
  override readonly name = 'UsageError';
}

/** The user pressed Ctrl-C, or the system asked to end. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';

  constructor(readonly signal: 'SIGINT' | 'SIGTERM') {
    super(`ended by ${signal}`);
  }

  /** As shells count: 128 and the signal's number. */
  get exitCode(): number {
    return this.signal === 'SIGINT' ? 130 : 143;
  }
}
