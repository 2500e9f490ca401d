import { thresholdRow } from '@octet/backend';
import type { Tensor } from '../../tensor';
import { elementwise } from './elementwise';

/** x where x > threshold, else value. */
export function threshold(x: Tensor, threshold: number, value: number): Tensor {
  return elementwise('threshold', thresholdRow, x, { threshold, value });
}
