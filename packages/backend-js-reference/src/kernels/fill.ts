import { type RefKernel, size } from '../kernel';

/** y = value */
export const fill: RefKernel<'fill'> = ({ y }, { value }) => {
  y.buffer.data.fill(y.dtype === 'bool' ? Number(value !== 0) : value, 0, size(y));
};
