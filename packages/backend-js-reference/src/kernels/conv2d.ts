import { convGeometry, isDepthwise, isPointwise } from '@octet/backend';
import { floats, type RefKernel, size } from '../kernel';
import { clampOutput } from '../math/clamp-output';
import { convolve } from '../math/convolve';
import { depthwiseBackwardInput, depthwiseBackwardWeight } from '../math/depthwise';
import { gemm } from '../math/gemm';
import { col2im, im2col } from '../math/im2col';
import { packRows } from '../math/pack';
import { scratch } from '../math/scratch';
import { tileRows } from '../math/tile-rows';

/**
 * x [N,H,W,C], weight [O,kh,kw,C/groups], bias [O]? → y [N,OH,OW,O]: y[n,oh,ow,o] = bias[o] +
 * Σ_kh,kw,c x[n, oh·stride - padding + kh·dilation, …, group·C/groups + c] · weight[o,kh,kw,c], 0 outside x; clamped.
 */
export const conv2d: RefKernel<'conv2d'> = (t, attrs) => {
  const g = convGeometry(t.x, t.weight, t.y, attrs);
  const y = floats(t.y);
  const bias = t.bias && floats(t.bias);
  const weight = scratch('conv2d weight', g.outChannels * g.patchSize);
  weight.set(floats(t.weight).subarray(0, g.outChannels * g.patchSize));
  convolve(floats(t.x), 0, weight, g, (sums, row0, count, channel0, channels) => {
    for (let i = 0; i < count; i++) {
      const from = i * channels;
      const to = (row0 + i) * g.outChannels + channel0;
      if (bias) for (let j = 0; j < channels; j++) y[to + j] = sums[from + j] + bias[channel0 + j];
      else for (let j = 0; j < channels; j++) y[to + j] = sums[from + j];
      clampOutput(y, to, to + channels, attrs.clamp);
    }
  });
};

/** gradX [N,H,W,C]: every product of the forward pass sends gradY · weight back to its element of x */
export const conv2dBackwardInput: RefKernel<'conv2dBackwardInput'> = (t, attrs) => {
  const g = convGeometry(t.gradX, t.weight, t.gradY, attrs);
  const gradY = floats(t.gradY);
  const weight = floats(t.weight);
  const gradX = floats(t.gradX);
  if (isDepthwise(g)) {
    depthwiseBackwardInput(gradY, weight, g, gradX);
    return;
  }
  gradX.fill(0, 0, size(t.gradX));
  const { patchSize: patch, groupOut, outChannels } = g;
  const tile = tileRows(Math.max(patch, groupOut));
  const byColumn = scratch('conv2dBackwardInput weight', patch * groupOut);
  const upstream = scratch('conv2dBackwardInput gradY', tile * groupOut);
  const columns = scratch('conv2dBackwardInput columns', tile * patch);
  for (let group = 0; group < g.groups; group++) {
    packRows(weight, group * groupOut * patch, patch, groupOut, 1, patch, byColumn);
    for (let row0 = 0; row0 < g.rows; row0 += tile) {
      const count = Math.min(tile, g.rows - row0);
      packRows(gradY, row0 * outChannels + group * groupOut, count, groupOut, outChannels, 1, upstream);
      gemm(upstream, byColumn, columns, count, patch, groupOut);
      if (isPointwise(g)) gradX.set(columns.subarray(0, count * patch), row0 * patch);
      else col2im(columns, g, group, row0, count, gradX);
    }
  }
};

/** gradWeight [O,kh,kw,C/groups]: every product of the forward pass sends gradY · x back to its weight */
export const conv2dBackwardWeight: RefKernel<'conv2dBackwardWeight'> = (t, attrs) => {
  const g = convGeometry(t.x, t.gradWeight, t.gradY, attrs);
  const x = floats(t.x);
  const gradY = floats(t.gradY);
  const gradWeight = floats(t.gradWeight);
  if (isDepthwise(g)) {
    depthwiseBackwardWeight(x, gradY, g, gradWeight);
    return;
  }
  const { patchSize: patch, groupOut, outChannels } = g;
  const tile = tileRows(patch);
  const columns = scratch('conv2dBackwardWeight columns', tile * patch);
  const byPatch = scratch('conv2dBackwardWeight transposed columns', tile * patch);
  const upstream = scratch('conv2dBackwardWeight gradY', tile * groupOut);
  const sums = scratch('conv2dBackwardWeight sums', groupOut * patch);
  for (let group = 0; group < g.groups; group++) {
    sums.fill(0, 0, groupOut * patch);
    for (let row0 = 0; row0 < g.rows; row0 += tile) {
      const count = Math.min(tile, g.rows - row0);
      im2col(x, 0, g, group, row0, count, columns);
      packRows(columns, 0, patch, count, 1, patch, byPatch);
      packRows(gradY, row0 * outChannels + group * groupOut, groupOut, count, 1, outChannels, upstream);
      gemm(upstream, byPatch, sums, groupOut, patch, count, true);
    }
    gradWeight.set(sums.subarray(0, groupOut * patch), group * groupOut * patch);
  }
};
