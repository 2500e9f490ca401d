/** Puts on `Tensor` what every program needs of it: reading, moving, overwriting, `backward`. */
import { backward } from './autograd';
import { copy_, fill_ } from './in-place';
import { install } from './install';
import { to, toAsync } from './moving';
import { data, dataSync, item, itemSync } from './reading';

/** The methods, and whose functions they are. */
const functions = { data, dataSync, item, itemSync, to, toAsync, backward };

export type CoreFunctions = typeof functions;

install({ ...functions, copy_, fill_ });
