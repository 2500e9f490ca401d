import { isFloatDType } from '@octet/backend';
import { type RefKernel, size } from '../kernel';

const limits = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint8: [0, 255],
  int8: [-128, 127],
} as const;

/** y = x in y's dtype: to an integer truncates and saturates (NaN becomes 0), to bool is x != 0. */
export const cast: RefKernel<'cast'> = (t) => {
  const x = t.x.buffer.data;
  const y = t.y.buffer.data;
  const n = size(t.x);
  const { dtype } = t.y;
  if (dtype === t.x.dtype || isFloatDType(dtype)) {
    y.set(x.subarray(0, n));
  } else if (dtype === 'bool') {
    for (let i = 0; i < n; i++) y[i] = Number(x[i] !== 0);
  } else {
    const [min, max] = limits[dtype];
    for (let i = 0; i < n; i++) y[i] = Math.min(Math.max(Math.trunc(x[i]), min), max);
  }
};
