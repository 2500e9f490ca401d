import { type ImagePixels, resize } from '@octet/data';
import { fromData, type Tensor } from '@octet/tensor';
import { SampleError } from './errors';
import { type InputInfo, type ReadOptions, shapeText } from './input';

/** Where an input has its channels, and what sizes it wants. */
interface ImageInput {
  readonly channels: number;
  readonly channelsLast: boolean;
  readonly height: number | undefined;
  readonly width: number | undefined;
}

/** @throws SampleError for an input that takes no images */
function imageInput(input: InputInfo): ImageInput {
  const { shape } = input;
  const [, a, b, c] = shape ?? [];
  const isColor = (n: unknown): n is number => n === 1 || n === 3;
  const size = (n: unknown) => (typeof n === 'number' ? n : undefined);
  if (shape?.length === 4 && isColor(a))
    return { channels: a, channelsLast: false, height: size(b), width: size(c) };
  if (shape?.length === 4 && isColor(c))
    return { channels: c, channelsLast: true, height: size(a), width: size(b) };
  throw new SampleError({
    op: 'octet',
    expected: 'a model whose input is an image: [N, 1 or 3, H, W] or [N, H, W, 1 or 3]',
    found: `'${input.name}' ${shapeText(input)}`,
    fix: 'Give the data as .npy, .npz or .safetensors.',
  });
}

/** Networks halve an image several times, and join what they got on the way. */
const MULTIPLE = 32;

/** The image as the input wants it, a batch of one. @throws SampleError for an input that takes no images */
export function imageTensor(image: ImagePixels, input: InputInfo, options: ReadOptions): Tensor {
  const wanted = imageInput(input);
  const own = (n: number) => Math.max(MULTIPLE, Math.round(n / MULTIPLE) * MULTIPLE);
  const height = wanted.height ?? options.size?.[0] ?? own(image.height);
  const width = wanted.width ?? options.size?.[1] ?? own(image.width);
  const { data } = resize({ size: [height, width] })(image);
  const { channels, channelsLast } = wanted;
  const count = height * width;
  const { mean = [], std = [], scale = 1, bgr = false } = options;
  const out = new Float32Array(channels * count);
  for (let c = 0; c < channels; c++) {
    const [m, s] = [mean[c % mean.length] ?? 0, std[c % std.length] ?? 1];
    for (let i = 0; i < count; i++) {
      const value = channels === 1 ? luma(data, 4 * i) : data[4 * i + (bgr ? 2 - c : c)];
      out[channelsLast ? i * channels + c : c * count + i] = ((value / 255) * scale - m) / s;
    }
  }
  return fromData(out, channelsLast ? [1, height, width, channels] : [1, channels, height, width]);
}

/** Rec. 601, as image libraries make gray of color. */
function luma(data: ArrayLike<number>, at: number): number {
  return 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
}
