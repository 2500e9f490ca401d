import type { AvgPoolAttrs } from '@octet/backend';

/** The part of one axis under an averaging window, and what that axis contributes to the divisor. */
export interface Window {
  start: number;
  end: number;
  count: number;
}

/** One window per output position of one axis (0: height, 1: width) of an average pool. */
export function averageWindows(attrs: AvgPoolAttrs, axis: 0 | 1, length: number, out: number): Window[] {
  const { kernelSize, stride, padding, countIncludePad } = attrs;
  return Array.from({ length: out }, (_, i) => {
    const from = i * stride[axis] - padding[axis];
    // A window that ceil mode lets hang over the padded edge is cut off there.
    const to = Math.min(from + kernelSize[axis], length + padding[axis]);
    const start = Math.max(from, 0);
    const end = Math.min(to, length);
    return { start, end, count: countIncludePad ? to - from : end - start };
  });
}

/** Cell i of `out` covers ⌊i · length / out⌋ to ⌈(i + 1) · length / out⌉. */
export function adaptiveWindows(length: number, out: number): Window[] {
  return Array.from({ length: out }, (_, i) => {
    const start = Math.floor((i * length) / out);
    const end = Math.ceil(((i + 1) * length) / out);
    return { start, end, count: end - start };
  });
}
