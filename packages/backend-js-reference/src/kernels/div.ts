import { floats, type RefKernel, size } from '../kernel';

/** y = a / b; an operand of one element stands for all. */
export const div: RefKernel<'div'> = (t) => {
  const a = floats(t.a);
  const b = floats(t.b);
  const y = floats(t.y);
  const n = size(t.y);
  if (size(t.b) === 1) {
    const b0 = b[0];
    // `a` may have one element too, and the output more.
    if (size(t.a) === 1) y.fill(a[0] / b0, 0, n);
    else for (let i = 0; i < n; i++) y[i] = a[i] / b0;
  } else if (size(t.a) === 1) {
    const a0 = a[0];
    for (let i = 0; i < n; i++) y[i] = a0 / b[i];
  } else {
    for (let i = 0; i < n; i++) y[i] = a[i] / b[i];
  }
};
