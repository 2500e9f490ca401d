import { ArgumentError, type Backend, checkOptions, numel, quantRange } from '@octet/backend';
import { type AnyModule, Conv1d, Conv2d, Linear } from '@octet/nn';
import {
  Conversion,
  defaultGraphQConfig,
  type ModuleRule,
  moduleRules,
  type QConfig,
} from '@octet/quantization';
import { noGrad, type QParams, qparamArrays, scope, type Tensor, tensor } from '@octet/tensor';
import type { ModelInput } from '../inputs';
import { run } from '../record';
import { requireNoTraining } from './convert-pair';
import { overwrite } from './host-weight';

export interface GptqOptions {
  /** Its observer of weights says the integers. `defaultGraphQConfig` */
  qconfig?: QConfig;
  /** Inputs of a layer, or places of a convolution, that are looked at: at least two for each input that is rounded together. 2048 */
  samples?: number;
  /** Of the mean square of a layer's inputs, how much each counts as more than it is. 0.01 */
  dampPercent?: number;
  /**
   * Instead of int8, 4 bits around 0 in groups of so many columns of linear layers: the weights are those that `int4WeightOnly({ groupSize, symmetric: true })`
   * has exactly. Other layers stay as they are, and those with columns that are no whole groups.
   */
  groupSize?: number;
  /** Rules of your own, as for `equalize`. */
  rules?: readonly ModuleRule[];
  /** Told after each layer, and waited for; it may throw to end: the model isn't changed. */
  onProgress?: (done: number, total: number) => unknown;
}

/**
 * GPTQ (Frantar et al., 2022, https://arxiv.org/abs/2210.17323, algorithm 1), in place: rounds weights one input after another, and lets the weights
 * of the inputs that are yet to come, and at last the bias, make up for what that changes in the layer's output, so far as the inputs go together. Weights of
 * convolutions and linear layers become numbers that int8 has exactly. The least and the greatest of a scale stay as they are, so that the same observer
 * finds the same scale again.
 *
 * @param model a fused float model in evaluation mode
 * @param inputs like those of the calibration
 * @returns the layers that ran, by path
 * @throws ArgumentError for an option out of range; QuantizationError for a model in training
 */
export async function gptq(
  model: AnyModule,
  inputs: readonly ModelInput[],
  options?: GptqOptions,
): Promise<string[]> {
  const {
    qconfig = defaultGraphQConfig,
    samples = 2048,
    dampPercent = 0.01,
    groupSize,
    rules: own,
    onProgress,
  } = checkOptions('gptq', options, 'qconfig samples dampPercent groupSize rules onProgress');
  requirePositive('samples', samples);
  requirePositive('dampPercent', dampPercent);
  if (groupSize !== undefined) requirePositive('groupSize', groupSize);
  const rules = moduleRules('gptq', own);
  requireNoTraining('gptq', model, rules);
  const layers = new Map<AnyModule, Layer>();
  for (const [path, module] of model.namedModules()) {
    const layer = rules.scaledBy(module);
    if (layer && !layers.has(layer) && isKnown(layer) && (!groupSize || hasGroups(layer, groupSize)))
      layers.set(layer, new Layer(path, module, layer, samples));
  }
  // As many at once as there is memory for samples of.
  const left = [...layers.values()];
  while (left.length > 0) {
    const some: Layer[] = [];
    let bytes = 0;
    do {
      const layer = left.shift() as Layer;
      some.push(layer);
      bytes += layer.bytes;
    } while (left.length > 0 && bytes + left[0].bytes <= MOST_BYTES);
    await look(model, inputs, some);
    for (const [i, layer] of some.entries()) {
      await layer.round(qconfig, dampPercent, groupSize);
      await onProgress?.(layers.size - left.length - some.length + i + 1, layers.size);
    }
  }
  const rounded = [...layers.values()].filter(({ ran }) => ran);
  for (const layer of rounded) layer.store();
  return rounded.map(({ path }) => path);
}

type KnownLayer = Conv1d | Conv2d | Linear;

function isKnown(layer: AnyModule): layer is KnownLayer {
  return layer instanceof Conv1d || layer instanceof Conv2d || layer instanceof Linear;
}

function hasGroups(layer: KnownLayer, groupSize: number): boolean {
  return layer instanceof Linear && layer.inFeatures % groupSize === 0;
}

function requirePositive(name: string, value: number): void {
  if (value > 0) return;
  throw new ArgumentError({
    op: 'gptq',
    expected: `${name} > 0`,
    found: String(value),
    fix: 'Leave it out for the default.',
  });
}

/** Runs the model, and shows layers what they get. */
async function look(
  model: AnyModule,
  inputs: readonly ModelInput[],
  layers: readonly Layer[],
): Promise<void> {
  const seen: { layer: Layer; x: Tensor }[] = [];
  const hooks = layers.map((layer) =>
    layer.owner.registerForwardPreHook((_, [x]) => void seen.push({ layer, x: x as Tensor })),
  );
  try {
    for (const [i, input] of inputs.entries()) {
      run(model, input);
      for (const { layer, x } of seen.splice(0)) await layer.see(x, inputs.length - i);
    }
  } finally {
    for (const hook of hooks) hook.remove();
  }
}

/** Samples of all layers that are looked at in one pass. */
const MOST_BYTES = 2 ** 28;
/** Columns that are rounded together: what one leaves, only these make up for. */
const MOST_COLUMNS = 1024;
/** A mean square below this has lost digits in float32, and what it is made of is nothing. */
const LEAST_SQUARE = 2 ** -100;
/** The part of the circle by which places follow one another: they never fall together, and lie everywhere. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** A layer, and samples of its input: what an output is made of, and 1 for the bias. */
class Layer {
  private readonly rows: number;
  /** Inputs of an output. */
  private readonly columns: number;
  private readonly groups: number;
  private x: Float32Array | undefined;
  private rounded: { weight: Float32Array; bias: Float32Array | undefined } | undefined;
  private count = 0;

  constructor(
    readonly path: string,
    /** Itself, or the fused layer that it is of. */
    readonly owner: AnyModule,
    private readonly module: KnownLayer,
    samples: number,
  ) {
    const { weight } = module;
    this.groups = module instanceof Linear ? 1 : module.groups;
    this.columns = weight.numel / weight.shape[0];
    this.rows = Math.max(samples, 2 * Math.min(this.columns, MOST_COLUMNS));
  }

  /** Of its samples. */
  get bytes(): number {
    return 4 * this.rows * this.groups * this.columns;
  }

  get ran(): boolean {
    return this.count > 0;
  }

  /** Takes a part of what is left to take; `left` inputs will be seen with this one. */
  async see(x: Tensor, left: number): Promise<void> {
    this.x ??= new Float32Array(this.bytes / 4);
    const data = await x.data();
    const take = windowsOf(this.module, x, data);
    const n = Math.min(take.places, Math.ceil((this.rows - this.count) / left));
    const width = this.groups * this.columns;
    for (let i = 0; i < n; i++) {
      const place = n === take.places ? i : Math.floor(((i * GOLDEN) % 1) * take.places);
      take.into(place, this.x, this.count++ * width);
    }
  }

  async round(qconfig: QConfig, damp: number, groupSize: number | undefined): Promise<void> {
    const { module, columns, groups, x } = this;
    if (!x) return;
    this.x = undefined;
    const { weight, bias } = module;
    const w = Float64Array.from(await weight.data());
    const b = bias && Float64Array.from(await bias.data());
    const grid = groupSize === undefined ? await this.int8Grid(w, qconfig) : new GridOfGroups(w, groupSize);
    const outputs = weight.shape[0] / groups;
    for (let from = 0; from < columns; from += MOST_COLUMNS) {
      const end = Math.min(columns, from + MOST_COLUMNS);
      const withBias = b !== undefined && end === columns;
      const grams = await this.grams(x, from, end, withBias, weight.backend);
      const n = end - from + (withBias ? 1 : 0);
      for (let g = 0; g < groups; g++) {
        const feedback = new Feedback(grams.subarray(g * n * n, (g + 1) * n * n), n, damp, withBias);
        for (let o = g * outputs; o < (g + 1) * outputs; o++) {
          const row = new Float64Array(n);
          const at = o * columns + from;
          row.set(w.subarray(at, at + end - from));
          if (withBias) row[n - 1] = b[o];
          feedback.round(row, (value, i) => grid.nearest(value, at + i));
          w.set(row.subarray(0, end - from), at);
          if (withBias) b[o] = row[n - 1];
        }
      }
    }
    grid.keepEnds(w);
    this.rounded = { weight: Float32Array.from(w), bias: b && Float32Array.from(b) };
  }

  private async int8Grid(w: Float64Array, qconfig: QConfig): Promise<Grid> {
    const { weight } = this.module;
    const int8 = await new Conversion('gptq', this.path, qconfig, this.owner).weight(weight);
    return new Int8Grid(w, weight.shape, int8.qparams as QParams);
  }

  /** Writes what was rounded. */
  store(): void {
    const { weight, bias } = this.module;
    if (this.rounded) overwrite(weight, this.rounded.weight);
    if (bias && this.rounded?.bias) overwrite(bias, this.rounded.bias);
  }

  /** Of each group, the mean products of columns `from` to `end`, and of 1 for the bias: [groups, n, n]. */
  private async grams(
    x: Float32Array,
    from: number,
    end: number,
    withBias: boolean,
    backend: Backend,
  ): Promise<Float32Array> {
    const { columns, groups, count } = this;
    const n = end - from + (withBias ? 1 : 0);
    const samples = new Float32Array(groups * count * n).fill(1);
    for (let g = 0; g < groups; g++)
      for (let r = 0; r < count; r++) {
        const at = (r * groups + g) * columns;
        samples.set(x.subarray(at + from, at + end), (g * count + r) * n);
      }
    const grams = noGrad(() =>
      scope(() => {
        const t = tensor(samples, { backend }).reshape([groups, count, n]);
        return t.transpose(1, 2).matmul(t).div(count);
      }),
    );
    const products = (await grams.data()) as Float32Array;
    grams.dispose();
    return products;
  }
}

/** Numbers that integers have exactly. */
interface Grid {
  /** To a value, for the weight at an index. */
  nearest(value: number, i: number): number;
  /** Puts back what the same scales are found by again. */
  keepEnds(weight: Float64Array): void;
}

/** Those of 4 bits in groups, as `quantizeGroups` makes them: what is farthest from 0 is -8 steps, and nothing else is as far. */
class GridOfGroups implements Grid {
  private readonly scale: Float64Array;
  /** Where what is farthest from 0 is. */
  private readonly end: Int32Array;

  constructor(
    weight: Float64Array,
    private readonly groupSize: number,
  ) {
    this.end = new Int32Array(weight.length / groupSize).map((_, group) => group * groupSize);
    for (const [i, value] of weight.entries()) {
      const group = Math.floor(i / groupSize);
      if (Math.abs(value) > Math.abs(weight[this.end[group]])) this.end[group] = i;
    }
    this.scale = Float64Array.from(this.end, (i) => weight[i] / -8);
  }

  nearest(value: number, i: number): number {
    const group = Math.floor(i / this.groupSize);
    const scale = this.scale[group];
    if (scale === 0) return 0;
    return scale * (this.end[group] === i ? -8 : Math.min(7, Math.max(-7, Math.round(value / scale))));
  }

  keepEnds(): void {}
}

/** Those of int8, by the scales that a weight has. */
class Int8Grid implements Grid {
  private readonly original: Float64Array;
  private readonly scale: ArrayLike<number>;
  private readonly zeroPoint: ArrayLike<number>;
  private readonly inner: number;
  /** Of each scale. */
  private readonly least: Float64Array;
  private readonly greatest: Float64Array;

  constructor(weight: Float64Array, shape: readonly number[], qparams: QParams) {
    const { scale, zeroPoint } = qparamArrays(qparams);
    this.original = weight.slice();
    this.scale = scale;
    this.zeroPoint = zeroPoint;
    this.inner = qparams.scheme === 'perTensor' ? weight.length : numel(shape.slice(qparams.axis + 1));
    this.least = new Float64Array(scale.length).fill(Number.POSITIVE_INFINITY);
    this.greatest = new Float64Array(scale.length).fill(Number.NEGATIVE_INFINITY);
    for (const [i, value] of weight.entries()) {
      const c = this.channel(i);
      this.least[c] = Math.min(this.least[c], value);
      this.greatest[c] = Math.max(this.greatest[c], value);
    }
  }

  /** To a value, for the weight at an index: within the ends of its scale, and at these what they are rounded to. */
  nearest(value: number, i: number): number {
    const [c, given] = [this.channel(i), this.original[i]];
    const [s, z, least, greatest] = [this.scale[c], this.zeroPoint[c], this.least[c], this.greatest[c]];
    const [quantMin, quantMax] = quantRange.qint8;
    const isEnd = given === least || given === greatest;
    const low = isEnd ? quantMin : Math.max(quantMin, Math.ceil(least / s + z));
    const high = isEnd ? quantMax : Math.min(quantMax, Math.floor(greatest / s + z));
    const whole = Math.round((isEnd ? given : value) / s) + z;
    return s * (Math.min(high, Math.max(low, whole)) - z);
  }

  /** The least and the greatest of each scale as they were: an observer finds the same scale by them. */
  keepEnds(weight: Float64Array): void {
    for (const [i, value] of this.original.entries()) {
      const c = this.channel(i);
      if (value === this.least[c] || value === this.greatest[c]) weight[i] = value;
    }
  }

  private channel(i: number): number {
    return Math.floor(i / this.inner) % this.scale.length;
  }
}

/** How the columns that are left make up for the error of one: of the mean products of a group's columns. */
class Feedback {
  /** Columns in the order in which they are rounded: the strongest first, the bias last. */
  private readonly order: Int32Array;
  /** The inverse of the upper triangular R with R Rᵀ = the mean products, [n, n]: Cholesky's factor of their inverse. */
  private readonly inverse: Float64Array;

  constructor(
    products: Float32Array,
    private readonly n: number,
    damp: number,
    private readonly withBias: boolean,
  ) {
    const weights = withBias ? n - 1 : n;
    const square = (i: number) => products[i * n + i];
    const strongest = Int32Array.from({ length: weights }, (_, i) => i).sort((a, b) => square(b) - square(a));
    this.order = Int32Array.from([...strongest, ...(withBias ? [n - 1] : [])]);
    let mean = 0;
    for (let i = 0; i < weights; i++) mean += square(i) / weights;
    // Inputs that are all 0, or so small that their products underflow, round to the nearest.
    const more = mean > LEAST_SQUARE ? damp * mean : 1;
    const h = Float64Array.from({ length: n * n }, (_, k) => {
      const [i, j] = [Math.floor(k / n), k % n];
      return products[this.order[i] * n + this.order[j]] + (i === j ? more : 0);
    });
    this.inverse = inverseOfUpper(upperFactor(h, n), n);
  }

  round(row: Float64Array, nearest: (value: number, i: number) => number): void {
    const { n, order, inverse } = this;
    const weights = this.withBias ? n - 1 : n;
    for (let k = 0; k < weights; k++) {
      const i = order[k];
      const rounded = nearest(row[i], i);
      const error = (row[i] - rounded) / inverse[k * n + k];
      row[i] = rounded;
      if (error === 0) continue;
      for (let l = k + 1; l < n; l++) row[order[l]] -= error * inverse[k * n + l];
    }
  }
}

/** The upper triangular R with R Rᵀ = h, in place of h: [n, n]. */
function upperFactor(h: Float64Array, n: number): Float64Array {
  for (let j = n - 1; j >= 0; j--) {
    let square = h[j * n + j];
    for (let k = j + 1; k < n; k++) square -= h[j * n + k] ** 2;
    const diagonal = Math.sqrt(Math.max(square, Number.MIN_VALUE));
    h[j * n + j] = diagonal;
    for (let i = 0; i < j; i++) {
      let sum = h[i * n + j];
      for (let k = j + 1; k < n; k++) sum -= h[i * n + k] * h[j * n + k];
      h[i * n + j] = sum / diagonal;
    }
  }
  return h;
}

/** The inverse of an upper triangular matrix, [n, n]; what is below the diagonal isn't read. */
function inverseOfUpper(r: Float64Array, n: number): Float64Array {
  const inverse = new Float64Array(n * n);
  for (let i = n - 1; i >= 0; i--) {
    const diagonal = 1 / r[i * n + i];
    const row = inverse.subarray(i * n, (i + 1) * n);
    for (let k = i + 1; k < n; k++) {
      const factor = -r[i * n + k] * diagonal;
      const below = k * n;
      if (factor !== 0) for (let j = k; j < n; j++) row[j] += factor * inverse[below + j];
    }
    row[i] = diagonal;
  }
  return inverse;
}

/** The inputs of one output place. */
interface Windows {
  readonly places: number;
  /** Writes those of a place: of each group its columns. */
  into(place: number, to: Float32Array, at: number): void;
}

function windowsOf(layer: KnownLayer, x: Tensor, data: ArrayLike<number>): Windows {
  if (layer instanceof Linear) {
    const columns = x.shape.at(-1) as number;
    return {
      places: data.length / columns,
      into: (place, to, at) => {
        for (let i = 0; i < columns; i++) to[at + i] = data[place * columns + i];
      },
    };
  }
  const [kernelH, kernelW] = inTwo(layer.kernelSize, 1);
  const [strideH, strideW] = inTwo(layer.stride, 1);
  const [dilationH, dilationW] = inTwo(layer.dilation, 1);
  const same = (dilation: number, kernel: number) => Math.floor((dilation * (kernel - 1)) / 2);
  const { padding } = layer;
  const [padH, padW] =
    padding === 'same'
      ? [same(dilationH, kernelH), same(dilationW, kernelW)]
      : padding === 'valid'
        ? [0, 0]
        : inTwo(padding, 0);
  const [channels, height, width] = [x.shape.at(1) as number, ...inTwo(x.shape.slice(2), 1)];
  const reach = (size: number, pad: number, dilation: number, kernel: number, stride: number) =>
    padding === 'same' ? size : Math.floor((size + 2 * pad - dilation * (kernel - 1) - 1) / stride) + 1;
  const outH = reach(height, padH, dilationH, kernelH, strideH);
  const outW = reach(width, padW, dilationW, kernelW, strideW);
  return {
    places: x.shape[0] * outH * outW,
    // What is padded counts as 0, whatever the padding's mode: it is at the edges alone.
    into: (place, to, at) => {
      const image = Math.floor(place / (outH * outW));
      const top = (Math.floor(place / outW) % outH) * strideH - padH;
      const left = (place % outW) * strideW - padW;
      let k = at;
      for (let c = 0; c < channels; c++) {
        const plane = (image * channels + c) * height;
        for (let i = 0; i < kernelH; i++) {
          const y = top + i * dilationH;
          for (let j = 0; j < kernelW; j++) {
            const xx = left + j * dilationW;
            const isInside = y >= 0 && y < height && xx >= 0 && xx < width;
            to[k++] = isInside ? data[(plane + y) * width + xx] : 0;
          }
        }
      }
    },
  };
}

/** Sizes of one or two dims as those of two. */
function inTwo(sizes: readonly number[], first: number): readonly [number, number] {
  return sizes.length === 2 ? [sizes[0], sizes[1]] : [first, sizes[0]];
}
