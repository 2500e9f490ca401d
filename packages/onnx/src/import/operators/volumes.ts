import { ShapeError } from '@octet/backend';
import { conv2d, convTranspose2d, type Tensor } from '@octet/tensor';
import { pairOf, reach, tensorPads, type Window } from './window';

/** Images [N·D, C, H, W] of a volume [N, C, D, H, W]. */
function slicesOf(x: Tensor): Tensor {
  const [n, c, depth, height, width] = x.shape;
  return x.permute([0, 2, 1, 3, 4]).reshape([n * depth, c, height, width]);
}

/** The volume of such images. */
function volumeOf(images: Tensor, n: number): Tensor {
  const [all, c, height, width] = images.shape;
  return images.reshape([n, n === 0 ? 0 : all / n, c, height, width]).permute([0, 2, 1, 3, 4]);
}

/** The last two of three sizes. */
function planeOf(sizes: readonly number[]) {
  return pairOf(sizes.slice(1));
}

/** @throws ShapeError unless both have five dims */
function requireVolumes(op: string, x: Tensor, weight: Tensor): void {
  if (x.dim === 5 && weight.dim === 5) return;
  throw new ShapeError({
    op,
    expected: 'x and a weight of five dims',
    found: `[${x.shape}] and [${weight.shape}]`,
    fix: 'Check the sizes of the inputs.',
  });
}

/** y + bias, which is of channels. */
function shifted(y: Tensor, bias: Tensor | undefined): Tensor {
  return bias ? y.add(bias.reshape([-1, 1, 1, 1])) : y;
}

/** A convolution of volumes as a sum of convolutions of images: one for each depth of the kernel. `pads`: before, then after. */
export function conv3d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  window: Window,
  pads: readonly number[],
  groups: number,
): Tensor {
  requireVolumes('Conv', x, weight);
  const { stride, dilation } = window;
  const source = pads.some((p) => p > 0) ? x.pad(tensorPads(pads)) : x;
  const depth = Math.floor((source.shape[2] - reach(window, 0)) / stride[0]) + 1;
  if (depth < 1) {
    throw new ShapeError({
      op: 'Conv',
      expected: `a depth of at least ${reach(window, 0)}`,
      found: String(source.shape[2]),
      fix: 'Give a larger volume.',
    });
  }
  const options = { groups, stride: planeOf(stride), dilation: planeOf(dilation) };
  const parts = Array.from({ length: weight.shape[2] }, (_, k) => {
    const from = k * dilation[0];
    const layers = source.slice(2, from, from + (depth - 1) * stride[0] + 1, stride[0]);
    return conv2d(slicesOf(layers), weight.select(2, k), undefined, options);
  });
  return shifted(
    volumeOf(
      parts.reduce((a, b) => a.add(b)),
      x.shape[0],
    ),
    bias,
  );
}

/** The full output of a transposed convolution of volumes, without anything cut off. */
export function convTranspose3d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  { stride, dilation }: Window,
  groups: number,
): Tensor {
  requireVolumes('ConvTranspose', x, weight);
  const options = { groups, stride: planeOf(stride), dilation: planeOf(dilation) };
  const [n, , depth] = x.shape;
  const kernel = weight.shape[2];
  const parts = Array.from({ length: kernel }, (_, k) => {
    const y = volumeOf(convTranspose2d(slicesOf(x), weight.select(2, k), undefined, options), n);
    // stride - 1 empty layers between two of them.
    const [, c, , height, width] = y.shape;
    const apart = y.unsqueeze(3).pad([0, 0, 0, 0, 0, stride[0] - 1]);
    const spread = apart.reshape([n, c, depth * stride[0], height, width]);
    const layers = spread.slice(2, 0, (depth - 1) * stride[0] + 1);
    return layers.pad([0, 0, 0, 0, k * dilation[0], (kernel - 1 - k) * dilation[0]]);
  });
  return shifted(
    parts.reduce((a, b) => a.add(b)),
    bias,
  );
}
