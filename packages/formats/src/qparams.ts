import { QuantizationError } from '@octet/backend';
import type { QParams } from '@octet/tensor/functional';
import type { MakeError } from './errors';

/** Scales and zero points from a file. @throws FormatError, about `field`, for ones that can't be */
export function checkedQParams<Q extends QParams>(field: string, makeError: MakeError, qparams: () => Q): Q {
  try {
    return qparams();
  } catch (cause) {
    if (!(cause instanceof QuantizationError)) throw cause;
    throw makeError(field, `one with ${cause.expected}`, cause.found, { cause });
  }
}
