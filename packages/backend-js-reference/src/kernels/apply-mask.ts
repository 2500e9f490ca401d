import { bytes, floats, type RefKernel, size } from '../kernel';

/** y = mask ? x · scale : 0 */
export const applyMask: RefKernel<'applyMask'> = (t, { scale }) => {
  const x = floats(t.x);
  const mask = bytes(t.mask);
  const y = floats(t.y);
  for (let i = 0, n = size(t.x); i < n; i++) y[i] = mask[i] ? x[i] * scale : 0;
};
