import { bytes, type RefKernel, size } from '../kernel';

/** x [n] uint8 or int8 → y = table[x], where int8 counts from -128 */
export const qlookup: RefKernel<'qlookup'> = (t, { table }) => {
  const x = bytes(t.x);
  const y = bytes(t.y);
  const first = t.x.dtype === 'int8' ? -128 : 0;
  for (let i = 0, n = size(t.x); i < n; i++) y[i] = table[x[i] - first];
};
