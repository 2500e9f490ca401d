import type { Kernels } from '@octet/backend';
import type { GpuBuffer } from '../buffers';
import type { Gpu } from '../gpu';
import { bind } from '../kernel';
import { attention } from './attention';
import { conv2d } from './conv2d';
import { copyStrided } from './copy-strided';
import { data } from './data';
import { elementwise } from './elementwise';
import { embedding } from './embedding';
import { fakeQuantize } from './fake-quantize';
import { fusedFakeQuantize } from './fused-fake-quantize';
import { groupedIntegers } from './grouped-integers';
import { gru } from './gru';
import { indexing } from './indexing';
import { lstm } from './lstm';
import { masks } from './masks';
import { matmul } from './matmul';
import { nllLoss } from './nll-loss';
import { norm } from './norm';
import { observers } from './observers';
import { optim } from './optim';
import { pool } from './pool';
import { qconvTranspose2d } from './qconv-transpose2d';
import { qconv2d } from './qconv2d';
import { qelementwise } from './qelementwise';
import { qlinear } from './qlinear';
import { qnorm } from './qnorm';
import { qpool } from './qpool';
import { quantize } from './quantize';
import { reductions } from './reductions';
import { resample } from './resample';
import { softmax } from './softmax';

/** The whole table, for one device. */
export function makeKernels(gpu: Gpu): Kernels<GpuBuffer> {
  return bind(gpu, {
    ...data(gpu),
    ...copyStrided(gpu),
    ...elementwise(gpu),
    ...masks(gpu),
    ...indexing(gpu),
    ...reductions(gpu),
    ...softmax(gpu),
    ...nllLoss(gpu),
    ...matmul(gpu),
    ...conv2d(gpu),
    ...lstm(gpu),
    ...gru(gpu),
    ...attention(gpu),
    ...norm(gpu),
    ...qnorm(gpu),
    ...pool(gpu),
    ...embedding(gpu),
    ...optim(gpu),
    ...observers(gpu),
    ...fakeQuantize(gpu),
    ...fusedFakeQuantize(gpu),
    ...quantize(gpu),
    ...qelementwise(gpu),
    ...qconv2d(gpu),
    ...qconvTranspose2d(gpu),
    ...qlinear(gpu),
    ...groupedIntegers(gpu),
    ...qpool(gpu),
    ...resample(gpu),
  });
}
