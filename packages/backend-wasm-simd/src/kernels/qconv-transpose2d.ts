import { numel, subConvolutions, subOutput } from '@octet/backend';
import type { InScratch, WasmPrepackingKernel, WasmTensor } from '../kernel';
import { copyAt } from './copy-strided';
import { type PackedConvolution, qconv2d } from './qconv2d';

/** The weights of each part. */
type Packed = readonly PackedConvolution[];

/**
 * x [N,H,W,C] uint8, weight [C,kh,kw,O/groups] int8, bias [O]? int32 → y [N,OH,OW,O] uint8: a convolution for each phase of the stride,
 * then put in its place.
 */
export const qconvTranspose2d: WasmPrepackingKernel<'qconvTranspose2d', Packed> = {
  prepack(cx, { weight, bias }, attrs) {
    return subConvolutions((weight as WasmTensor).shape, attrs).map(
      ({ weightShape, weightCopy, dilation }) => {
        const count = numel(weightShape);
        const buffer = cx.allocate('int8', count);
        const at = cx.address(buffer);
        if (weightCopy) copyAt(cx, cx.address(weight as WasmTensor), at, 1, weightCopy);
        const own = { buffer, dtype: 'int8', shape: weightShape } as WasmTensor;
        // Weights that aren't there are zero points: they count for nothing.
        const { weightZeroPoint: zero } = attrs;
        if (!weightCopy)
          cx.view('int8', at, count).forEach((_, i, to) => {
            to[i] = zero[zero.length > 1 ? Math.floor(i / weightShape[3]) : 0];
          });
        const packed = qconv2d.prepack(cx, { weight: own, bias }, { ...attrs, stride: [1, 1], dilation });
        cx.free(buffer);
        return packed;
      },
    );
  },

  run(cx, { x, weight, y }, attrs, packed) {
    subConvolutions(weight.shape, attrs).forEach((part, i) => {
      const to = subOutput(part, y.shape, attrs);
      if (!to) return;
      const target: InScratch | undefined = to.copy && {
        at: cx.scratch(numel(to.shape) + 64),
        shape: to.shape,
      };
      const own = { ...weight, shape: part.weightShape };
      // Only addresses and shapes are looked at.
      const tensors = { x, weight: own, y: (target ?? y) as WasmTensor };
      qconv2d.run(cx, tensors, { ...attrs, ...to.attrs }, packed[i]);
      if (to.copy && target) copyAt(cx, target.at, cx.address(y), 1, to.copy);
    });
  },

  free(cx, packed) {
    for (const part of packed) qconv2d.free(cx, part);
  },
};
