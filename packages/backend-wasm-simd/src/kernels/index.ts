import type { WasmKernels } from '../kernel';
import { add, div, mul, relu, sub } from './elementwise';
import { qlinear } from './qlinear';
import { sum } from './reductions';

/** The kernels, in the table's order. */
export const kernels: WasmKernels = {
  add,
  sub,
  mul,
  div,
  relu,
  sum,
  qlinear,
};
