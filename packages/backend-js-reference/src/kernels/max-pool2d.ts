import { floats, ints, type RefKernel, size } from '../kernel';

/** x [N,H,W,C] → y [N,OH,OW,C] the maximum under each window (NaN wins), indices h · W + w of it, the first of equals */
export const maxPool2d: RefKernel<'maxPool2d'> = (t, { kernelSize, stride, padding, dilation }) => {
  const x = floats(t.x);
  const y = floats(t.y);
  const indices = ints(t.indices);
  const [batch, height, width, channels] = t.x.shape;
  const [, outHeight, outWidth] = t.y.shape;
  let to = 0;
  for (let n = 0; n < batch; n++) {
    for (let oh = 0; oh < outHeight; oh++) {
      for (let ow = 0; ow < outWidth; ow++) {
        let first = true;
        for (let kh = 0; kh < kernelSize[0]; kh++) {
          const h = oh * stride[0] - padding[0] + kh * dilation[0];
          if (h < 0 || h >= height) continue;
          for (let kw = 0; kw < kernelSize[1]; kw++) {
            const w = ow * stride[1] - padding[1] + kw * dilation[1];
            if (w < 0 || w >= width) continue;
            const from = ((n * height + h) * width + w) * channels;
            for (let c = 0; c < channels; c++) {
              const v = x[from + c];
              if (first || v > y[to + c] || Number.isNaN(v)) {
                y[to + c] = v;
                indices[to + c] = h * width + w;
              }
            }
            first = false;
          }
        }
        to += channels;
      }
    }
  }
};

/** gradX [N,H,W,C]: every gradY goes to the element its index names */
export const maxPool2dBackward: RefKernel<'maxPool2dBackward'> = (t) => {
  const gradY = floats(t.gradY);
  const indices = ints(t.indices);
  const gradX = floats(t.gradX);
  const [batch, outHeight, outWidth, channels] = t.gradY.shape;
  const [, height, width] = t.gradX.shape;
  gradX.fill(0, 0, size(t.gradX));
  let from = 0;
  for (let n = 0; n < batch; n++) {
    const plane = n * height * width;
    for (let position = 0; position < outHeight * outWidth; position++) {
      for (let c = 0; c < channels; c++, from++) gradX[(plane + indices[from]) * channels + c] += gradY[from];
    }
  }
};
