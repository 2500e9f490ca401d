import { checkOptions, ShapeError } from '@octet/backend';
import { fromData, type Tensor } from '@octet/tensor';

/** Pixels as image decoders and canvases give them: row by row, the channels of a pixel together, 0 … 255. */
export interface ImagePixels {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/**
 * Pixels [height, width, channels] of 0 … 255 → float32 [channels, height, width] of 0 … 1. As many channels as the data
 * has. @throws ShapeError (when applied) if the data isn't a whole number of images' pixels
 */
export function toTensor(options?: Record<string, never>): (image: ImagePixels) => Tensor {
  checkOptions('toTensor', options);
  return ({ data, width, height }) => {
    const channels = data.length / (width * height);
    if (!Number.isInteger(channels) || channels < 1) {
      throw new ShapeError({
        op: 'toTensor',
        expected: `${width} x ${height} pixels of one or more bytes each`,
        found: `${data.length} bytes`,
        fix: 'Pass the width and height of the image.',
      });
    }
    const planes = new Float32Array(data.length);
    const size = width * height;
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < size; i++) planes[c * size + i] = data[i * channels + c] / 255;
    }
    return fromData(planes, [channels, height, width]);
  };
}
