import { OctetError } from '@octet/backend';

/** Engines that should have computed the same gave different outputs. */
export class DisagreementError extends OctetError {
  override readonly name = 'DisagreementError';
}

/** A backend that was asked for did not run. */
export class AbsentError extends OctetError {
  override readonly name = 'AbsentError';
}
