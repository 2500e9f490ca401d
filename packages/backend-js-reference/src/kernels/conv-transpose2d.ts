import { floats, type RefKernel, size } from '../kernel';
import { conv2dBackwardInput } from './conv2d';

/**
 * x [N,H,W,C], weight [C,kh,kw,O/groups], bias [O]? → y [N,OH,OW,O]: what flows back to the input of the convolution with this
 * weight, and bias.
 */
export const convTranspose2d: RefKernel<'convTranspose2d'> = ({ x, weight, bias, y }, attrs) => {
  conv2dBackwardInput({ gradY: x, weight, gradX: y }, attrs);
  if (!bias) return;
  const [to, from] = [floats(y), floats(bias)];
  const channels = y.shape[3];
  for (let i = 0, n = size(y); i < n; i++) to[i] += from[i % channels];
};
