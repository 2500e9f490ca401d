import { bytes, type RefKernel, size } from '../kernel';

/** y = mask ? a : b */
export const where: RefKernel<'where'> = (t) => {
  const [mask, a, b, y] = [bytes(t.mask), t.a.buffer.data, t.b.buffer.data, t.y.buffer.data];
  const [stepMask, stepA, stepB] = [t.mask, t.a, t.b].map((operand) => Number(size(operand) !== 1));
  const n = size(t.y);
  for (let i = 0; i < n; i++) y[i] = mask[i * stepMask] !== 0 ? a[i * stepA] : b[i * stepB];
};
