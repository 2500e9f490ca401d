import { median, middleHalf } from '../timing';
import type { Time } from './report';

/** What the milliseconds of some runs say. */
export function timeOf(ms: readonly number[]): Time {
  return { medianMs: median(ms), minMs: Math.min(...ms), middleMs: middleHalf(ms) };
}
