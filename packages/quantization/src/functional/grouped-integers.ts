import {
  ArgumentError,
  checkOptions,
  DTypeError,
  type GroupedIntegers,
  QuantizationError,
  roundHalfEven,
  ShapeError,
} from '@octet/backend';
import { arange, formatShape, fromData, kernel, type Tensor, tidy } from '@octet/tensor/functional';

const { asOperand, contiguous, emptyOn, run } = kernel;

/**
 * A weight [rows, columns] as integers of 4 or 8 bits, of which `groupSize` columns share a scale and a zero point:
 *
 *     w[i, j] = (q[i, j] - zeroPoint[i, g]) · scale[i, g],  g = ⌊j / groupSize⌋
 */
export interface GroupedWeight extends GroupedIntegers {
  readonly columns: number;
  /** [rows, columns] int8 or uint8; with 4 bits [rows, ⌈columns / 2⌉] uint8, the even column in the lower half of a byte. */
  readonly weight: Tensor;
  /** [rows, ⌈columns / groupSize⌉] float32 */
  readonly scale: Tensor;
  /** As the scale; without it the middle: 8, 128, or 0 of int8. */
  readonly zeroPoint?: Tensor | undefined;
}

export interface GroupedQuantization {
  /** Default: 8. */
  bits?: 4 | 8;
  /** Columns that share a scale; the last group of a row may be shorter. Default: all. */
  groupSize?: number | undefined;
  /**
   * Whether the range of a group is as wide on both sides of 0, and its zero point the middle; else it goes from its least to its
   * greatest number. Default: true.
   */
  symmetric?: boolean;
}

/**
 * Quantizes weight [rows, columns] in groups. Symmetric with 8 bits as torchao's int8 weights: scale = max|w| / 127.5, q = rint(w / scale). With 4 bits as llama.cpp's
 * Q4_0: scale = e / -8 of the number e that is farthest from 0, which so is a number of the grid, q = rint(w / scale); scales may be negative. Else as
 * PyTorch's `float_qparams_weight_only_qconfig`: scale = (max - min) / 15 or 255, zero point -min / scale, q = rint(w / scale + zero point). All in
 * float32, ties to even.
 *
 * @throws QuantizationError for NaN and infinities, which names `path`
 * @throws ArgumentError for other bits, or a group that isn't a whole number of columns (4 bits: an even one)
 */
export async function quantizeGroups(
  path: string,
  weight: Tensor,
  options?: GroupedQuantization,
): Promise<GroupedWeight> {
  const op = 'quantizeGroups';
  const {
    bits = 8,
    groupSize: asked,
    symmetric = true,
  } = checkOptions(op, options, 'bits groupSize symmetric');
  const [rows, columns] = weight.shape;
  const groupSize = asked ?? columns;
  checkGroups(op, bits, groupSize, columns);
  const groups = Math.ceil(columns / groupSize);
  const values = await weight.detach().data();
  const bad = values.find((v) => !Number.isFinite(v));
  if (bad !== undefined) {
    throw new QuantizationError({
      op,
      expected: `a finite weight (${path})`,
      found: String(bad),
      fix: 'Mend the float model first.',
    });
  }
  const signed = symmetric && bits === 8;
  const width = bits === 4 ? Math.ceil(columns / 2) : columns;
  const codes = signed ? new Int8Array(rows * width) : new Uint8Array(rows * width);
  const scales = new Float32Array(rows * groups);
  const zeros = symmetric ? undefined : new Float32Array(rows * groups);
  const f32 = Math.fround;
  const most = bits === 4 ? 15 : 255;
  const middle = bits === 4 ? 8 : signed ? 0 : 128;
  const [low, high] = signed ? [-128, 127] : [0, most];
  for (let row = 0; row < rows; row++) {
    for (let group = 0; group < groups; group++) {
      const first = group * groupSize;
      const end = Math.min(columns, first + groupSize);
      let [min, max, farthest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
      for (let j = first; j < end; j++) {
        const v = values[row * columns + j];
        min = Math.min(min, v);
        max = Math.max(max, v);
        if (Math.abs(v) > Math.abs(farthest)) farthest = v;
      }
      const range = symmetric ? f32(2 * Math.max(Math.abs(min), Math.abs(max))) : f32(max - min);
      let scale = symmetric && bits === 4 ? farthest / -8 : f32(range / most);
      const at = row * groups + group;
      if (!(Math.abs(scale) > EPS)) scale = symmetric ? EPS : 1;
      const zero = zeros ? f32(f32(-min) / scale) : middle;
      scales[at] = scale;
      if (zeros) zeros[at] = zero;
      const inverse = f32(1 / scale);
      for (let j = first; j < end; j++) {
        const q = roundHalfEven(f32(f32(values[row * columns + j] * inverse) + zero));
        const code = Math.min(high, Math.max(low, q));
        if (bits === 8) codes[row * width + j] = code;
        else codes[row * width + (j >> 1)] |= j % 2 === 0 ? code : code << 4;
      }
    }
  }
  const { backend } = weight;
  const shape = [rows, groups];
  return {
    ...{ bits, groupSize, columns },
    weight: fromData(codes, [rows, width], { backend, dtype: signed ? 'int8' : 'uint8' }),
    scale: fromData(scales, shape, { backend }),
    zeroPoint: zeros && fromData(zeros, shape, { backend }),
  };
}

/** 2^-23, PyTorch's least scale. */
const EPS = 2 ** -23;

/** @throws ArgumentError as `quantizeGroups` */
export function checkGroups(op: string, bits: number, groupSize: number, columns: number): void {
  const whole = Number.isInteger(groupSize) && groupSize > 0;
  if ((bits === 4 || bits === 8) && whole && (bits === 8 || groupSize % 2 === 0 || groupSize >= columns))
    return;
  throw new ArgumentError({
    op,
    expected: '4 or 8 bits, in groups of a whole number of columns, with 4 bits an even one',
    found: `${bits} bits in groups of ${groupSize}`,
    fix: 'Usual groups are of 32, 64 or 128.',
  });
}

const attrsOf = ({ bits, groupSize }: GroupedIntegers): GroupedIntegers => ({ bits, groupSize });

function operandsOf({ weight, scale, zeroPoint }: GroupedWeight) {
  return {
    weight: asOperand(contiguous(weight), weight.shape),
    scale: asOperand(contiguous(scale), scale.shape),
    zeroPoint: zeroPoint && asOperand(contiguous(zeroPoint), zeroPoint.shape),
  };
}

/**
 * x [..., columns] · wᵀ + bias, w [rows, columns] of integers that become floats on the way: x and y are float32 and the product is in
 * float, or of x in 16 bits (each group of columns by its greatest, where a backend is faster so: WebAssembly for up to 4 rows). For one
 * row of x, which waits for the weight to come from memory, a quarter or an eighth of that comes. Inference only.
 *
 * @throws ShapeError, DTypeError
 */
export function weightOnlyLinear(x: Tensor, weight: GroupedWeight, bias?: Tensor): Tensor {
  const op = 'weightOnlyLinear';
  kernel.requireTensor(op, x);
  if (x.dtype !== 'float32') {
    throw new DTypeError({
      op,
      expected: 'float32',
      found: x.dtype,
      fix: 'Layers with weights of few bits take and return floats: no QuantStub before them.',
    });
  }
  const { columns } = weight;
  const [rows] = weight.weight.shape;
  if (x.shape.at(-1) !== columns) {
    throw new ShapeError({
      op,
      expected: `x [..., ${columns}]`,
      found: formatShape(x.shape),
      fix: `The weight is [${rows}, ${columns}].`,
    });
  }
  return tidy(() => {
    const y = emptyOn(x, [...x.shape.slice(0, -1), rows]);
    const count = y.numel / Math.max(1, rows);
    run(
      'qlinearWeightOnly',
      {
        x: asOperand(contiguous(x), [count, columns]),
        ...operandsOf(weight),
        bias: bias && contiguous(bias),
      },
      { y: asOperand(y, [count, rows]) },
      attrsOf(weight),
    );
    return y;
  });
}

/**
 * Row index[…] of a weight [rows, columns] of integers, as float32: index (int32, any shape) → [..., columns]. Inference only.
 * @throws DTypeError unless the indices are int32; ArgumentError for one that is no row, where they can be read at once
 */
export function quantizedEmbedding(index: Tensor, weight: GroupedWeight): Tensor {
  const op = 'quantizedEmbedding';
  kernel.requireTensor(op, index);
  if (index.dtype !== 'int32') {
    throw new DTypeError({
      op,
      expected: 'int32 indices',
      found: index.dtype,
      fix: "Convert them with to('int32').",
    });
  }
  return tidy(() => {
    const { columns } = weight;
    const y = emptyOn(index, [...index.shape, columns], { dtype: 'float32' });
    run(
      'qembedding',
      { ...operandsOf(weight), index: contiguous(index) },
      { y: asOperand(y, [index.numel, columns]) },
      attrsOf(weight),
    );
    return y;
  });
}

/** The numbers of a weight [rows, columns] of integers. */
export function dequantizeGroups(weight: GroupedWeight): Tensor {
  const [rows] = weight.weight.shape;
  const { backend } = weight.weight;
  return tidy(() => quantizedEmbedding(arange(0, rows, 1, { dtype: 'int32', backend }), weight));
}
