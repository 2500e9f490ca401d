import { Conv2d, Linear } from '@octet/nn';
import { dynamic, quantized } from '@octet/quantization';
import { rand, randn, type Tensor } from '@octet/tensor';

/** The size of a matrix product: [rows, k] · [k, columns]. Convolutions take the rows as the pixels of an image. */
export interface GemmSize {
  rows: number;
  k: number;
  columns: number;
}

/** Which inner loop decides how fast a kernel can be. */
export type Loop = 'float32' | 'int8' | '7-bit' | 'depthwise';

export interface GemmCase {
  kernel: string;
  /** What its inputs are. */
  input: string;
  loop: Loop;
  macs(size: GemmSize): number;
  /** Makes the tensors; gives what to time. */
  prepare(size: GemmSize): (() => Tensor) | Promise<() => Tensor>;
}

const product = ({ rows, k, columns }: GemmSize) => rows * k * columns;
/** Each channel with its own 3 × 3 weights. */
const depthwise = ({ rows, k }: GemmSize) => rows * k * 9;

const output = { scale: 0.1, zeroPoint: 128 };

/** As near to a square as its pixels allow. */
function image({ rows, k }: GemmSize, make: (shape: number[]) => Tensor): Tensor {
  let height = Math.floor(Math.sqrt(rows));
  while (rows % height !== 0) height--;
  return make([1, k, height, rows / height]).contiguous({ memoryFormat: 'channelsLast' });
}

/** Integers from 0 to `most`. */
const integers = (most: number) => (shape: number[]) => rand(shape).quantizePerTensor(1 / most, 0, 'quint8');

const int8Weight = (weight: Tensor) => weight.detach().quantizePerTensor(0.002, 0, 'qint8');

function conv(size: GemmSize, kind: 'pointwise' | 'depthwise'): Conv2d {
  return kind === 'pointwise'
    ? new Conv2d(size.k, size.columns, 1)
    : new Conv2d(size.k, size.k, 3, { padding: 1, groups: size.k });
}

function floatConv(kind: 'pointwise' | 'depthwise') {
  return (size: GemmSize) => {
    const layer = conv(size, kind);
    const x = image(size, randn);
    return () => layer.call(x);
  };
}

function int8Conv(kind: 'pointwise' | 'depthwise', most: number) {
  return async (size: GemmSize) => {
    const like = conv(size, kind);
    const layer = new quantized.Conv2d(like, int8Weight(like.weight), like.bias?.detach(), output);
    await layer.withHostBias('conv2d');
    const x = image(size, integers(most));
    return () => layer.call(x);
  };
}

function int8Linear(most: number) {
  return async ({ rows, k, columns }: GemmSize) => {
    const { weight, bias } = new Linear(k, columns);
    const layer = new quantized.Linear(int8Weight(weight), bias?.detach(), output);
    await layer.withHostBias('linear');
    const x = integers(most)([rows, k]);
    return () => layer.call(x);
  };
}

function dynamicLinear(reduceRange: boolean) {
  return ({ rows, k, columns }: GemmSize) => {
    const like = new Linear(k, columns);
    const layer = new dynamic.Linear(like, int8Weight(like.weight), { reduceRange });
    const x = randn([rows, k]);
    return () => layer.call(x);
  };
}

/** One entry a kernel and kind of input. */
export const gemmCases: readonly GemmCase[] = [
  {
    kernel: 'matmul',
    input: 'float32',
    loop: 'float32',
    macs: product,
    prepare({ rows, k, columns }) {
      const [a, b] = [randn([rows, k]), randn([k, columns])];
      return () => a.matmul(b);
    },
  },
  {
    kernel: 'linear',
    input: 'float32',
    loop: 'float32',
    macs: product,
    prepare({ rows, k, columns }) {
      const layer = new Linear(k, columns);
      const x = randn([rows, k]);
      return () => layer.call(x);
    },
  },
  { kernel: 'conv2d 1×1', input: 'float32', loop: 'float32', macs: product, prepare: floatConv('pointwise') },
  { kernel: 'qlinear', input: '8 bits', loop: 'int8', macs: product, prepare: int8Linear(255) },
  { kernel: 'qlinear', input: '7 bits', loop: '7-bit', macs: product, prepare: int8Linear(127) },
  {
    kernel: 'qlinearDynamic',
    input: 'float32 in 8 bits',
    loop: 'int8',
    macs: product,
    prepare: dynamicLinear(false),
  },
  {
    kernel: 'qlinearDynamic',
    input: 'float32 in 7 bits',
    loop: '7-bit',
    macs: product,
    prepare: dynamicLinear(true),
  },
  {
    kernel: 'qconv2d 1×1',
    input: '8 bits',
    loop: 'int8',
    macs: product,
    prepare: int8Conv('pointwise', 255),
  },
  {
    kernel: 'qconv2d 1×1',
    input: '7 bits',
    loop: '7-bit',
    macs: product,
    prepare: int8Conv('pointwise', 127),
  },
  {
    kernel: 'conv2d 3×3 depthwise',
    input: 'float32',
    loop: 'depthwise',
    macs: depthwise,
    prepare: floatConv('depthwise'),
  },
  {
    kernel: 'qconv2d 3×3 depthwise',
    input: '8 bits',
    loop: 'depthwise',
    macs: depthwise,
    prepare: int8Conv('depthwise', 255),
  },
];
