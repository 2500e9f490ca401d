import type { WasmKernels } from '../kernel';
import { copyStrided } from './copy-strided';
import { qembedding, qlinearWeightOnly } from './grouped-integers';
import { qgruDynamic } from './gru';
import { qlstmDynamic } from './lstm';
import { cast, fill } from './on-host';
import { qconvTranspose2d } from './qconv-transpose2d';
import { qconv2d } from './qconv2d';
import { qconv2dDynamic } from './qconv2d-dynamic';
import { qadd, qaffine, qlookup, qmul } from './qelementwise';
import { qlinear, qlinearDynamic } from './qlinear';
import { qgroupNorm } from './qnorm';
import { qadaptiveAvgPool2d, qavgPool2d, qmaxPool2d } from './qpool';
import { dequantize, quantize } from './quantize';
import { qresample2d } from './resample';

/** The kernels of int8 inference. */
export const int8Kernels = {
  fill,
  cast,
  copyStrided,
  quantize,
  dequantize,
  qlookup,
  qconv2d,
  qlinear,
  qlinearDynamic,
  qconv2dDynamic,
  qlinearWeightOnly,
  qembedding,
  qlstmDynamic,
  qgruDynamic,
  qadd,
  qmul,
  qaffine,
  qmaxPool2d,
  qavgPool2d,
  qadaptiveAvgPool2d,
  qconvTranspose2d,
  qgroupNorm,
  qresample2d,
} satisfies Partial<WasmKernels>;
