/** Octet's reference backend: every kernel of the table in plain JavaScript, written to be read and compared against. */
export { referenceBackend } from './backend';
export { createHostBackend } from './create';
export { HostBuffer } from './host-buffer';
export { roundHalfAway, roundHalfEven } from './math/rounding';
