import { bytes, type RefKernel } from '../kernel';

/** x [N,H,W,C] uint8 or int8 → y [N,OH,OW,C]: the maximum under each window; padding never wins */
export const qmaxPool2d: RefKernel<'qmaxPool2d'> = (t, { kernelSize, stride, padding, dilation }) => {
  const x = bytes(t.x);
  const y = bytes(t.y);
  const [batch, height, width, channels] = t.x.shape;
  const [, outHeight, outWidth] = t.y.shape;
  const lowest = t.x.dtype === 'int8' ? -128 : 0;
  let to = 0;
  for (let n = 0; n < batch; n++) {
    for (let oh = 0; oh < outHeight; oh++) {
      for (let ow = 0; ow < outWidth; ow++) {
        y.fill(lowest, to, to + channels);
        for (let kh = 0; kh < kernelSize[0]; kh++) {
          const h = oh * stride[0] - padding[0] + kh * dilation[0];
          if (h < 0 || h >= height) continue;
          for (let kw = 0; kw < kernelSize[1]; kw++) {
            const w = ow * stride[1] - padding[1] + kw * dilation[1];
            if (w < 0 || w >= width) continue;
            const from = ((n * height + h) * width + w) * channels;
            for (let c = 0; c < channels; c++) if (x[from + c] > y[to + c]) y[to + c] = x[from + c];
          }
        }
        to += channels;
      }
    }
  }
};
