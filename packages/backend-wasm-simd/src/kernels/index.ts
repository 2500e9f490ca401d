import type { WasmKernels } from '../kernel';
import { conv2d, conv2dBackwardInput, conv2dBackwardWeight } from './conv2d';
import { add, div, mul, relu, sub } from './elementwise';
import { linear, matmul } from './matmul';
import { qconv2d } from './qconv2d';
import { qlinear, qlinearDynamic } from './qlinear';
import { sum } from './reductions';

/** The kernels, in the table's order. */
export const kernels: WasmKernels = {
  add,
  sub,
  mul,
  div,
  relu,
  sum,
  matmul,
  linear,
  conv2d,
  conv2dBackwardInput,
  conv2dBackwardWeight,
  qconv2d,
  qlinear,
  qlinearDynamic,
};
