import {
  type Backend,
  extendBackend,
  hostArray,
  isFloatDType,
  type KernelName,
  type Kernels,
  type KernelTensor,
  profiles,
  runKernel,
  type TypedArray,
} from '@octet/backend';
import { type HostBuffer, referenceBackend } from '@octet/backend-js-reference';
import { describe, expect, it } from 'vitest';
import { checkCase } from '../src';
import { type KernelCase, kernelCases } from '../src/cases';

type Tensor = KernelTensor<HostBuffer>;
type Tensors = Record<string, Tensor>;
// biome-ignore lint/suspicious/noExplicitAny: attributes of any kernel
type Wrong = (t: Tensors, attrs: any) => void;

const all = [...new Set(Object.values(profiles).flat())];
const size = (t: Tensor) => t.shape.reduce((n, d) => n * d, 1);
const casesOf = (kernel: KernelName) => kernelCases[kernel]() as KernelCase[];

function wrong(kernel: KernelName, run: Wrong): Backend {
  const kernels = { [kernel]: run } as unknown as Partial<Kernels<HostBuffer>>;
  return extendBackend(referenceBackend, { name: 'wrong', kernels });
}

function right(kernel: KernelName, t: Tensors, attrs: object): void {
  runKernel(referenceBackend.kernels[kernel] as never, t as never, attrs as never);
}

/** The message of the first case that fails. */
async function firstFailure(
  kernel: KernelName,
  run: Wrong,
  cases = casesOf(kernel),
): Promise<string | undefined> {
  const backend = wrong(kernel, run);
  for (const kernelCase of cases) {
    try {
      await checkCase(backend, kernel, kernelCase);
    } catch (error) {
      return `${error}`;
    }
  }
  return undefined;
}

/** The outputs of a call, by the case that has them all. */
function outputsOf(kernel: KernelName, t: Tensors): Tensor[] {
  const names = new Set(casesOf(kernel).flatMap(({ outputs }) => Object.keys(outputs)));
  return [...names].flatMap((name) => (t[name] ? [t[name]] : []));
}

const other = ({ dtype }: Tensor, v: number) =>
  isFloatDType(dtype) ? (Number.isFinite(v) ? v + 1 + Math.abs(v) : 0) : dtype === 'bool' ? 1 - v : v ^ 1;

describe.each(all)('%s that', (kernel) => {
  const broken: Record<string, Wrong> = {
    'writes one element past the end': (t, attrs) => {
      right(kernel, t, attrs);
      const [y] = outputsOf(kernel, t);
      y.buffer.data[size(y)] = other(y, y.buffer.data[size(y)]);
    },
    'writes blocks of four past the end': (t, attrs) => {
      right(kernel, t, attrs);
      for (const y of outputsOf(kernel, t))
        y.buffer.data.fill(Number(y.dtype !== 'bool'), size(y), Math.ceil(size(y) / 4) * 4);
    },
    'writes the whole buffer': (t, attrs) => {
      right(kernel, t, attrs);
      for (const y of outputsOf(kernel, t)) y.buffer.data.fill(0, size(y));
    },
    'leaves the last element': (t, attrs) => {
      const kept = outputsOf(kernel, t).map((y) => y.buffer.data[Math.max(size(y) - 1, 0)]);
      right(kernel, t, attrs);
      for (const [i, y] of outputsOf(kernel, t).entries())
        if (size(y) > 0) y.buffer.data[size(y) - 1] = kept[i];
    },
    'has one wrong element at the end': (t, attrs) => {
      right(kernel, t, attrs);
      const [y] = outputsOf(kernel, t);
      if (size(y) > 0) y.buffer.data[size(y) - 1] = other(y, y.buffer.data[size(y) - 1]);
    },
    'adds to what is there': (t, attrs) => {
      const before = outputsOf(kernel, t).map((y) => y.buffer.data.slice(0, size(y)));
      right(kernel, t, attrs);
      for (const [i, y] of outputsOf(kernel, t).entries()) {
        for (let at = 0; at < size(y); at++) y.buffer.data[at] += before[i][at];
      }
    },
    'changes an input': (t, attrs) => {
      right(kernel, t, attrs);
      const outputs = outputsOf(kernel, t);
      for (const x of Object.values(t)) {
        if (x && !outputs.includes(x) && size(x) > 0) x.buffer.data[0] = other(x, x.buffer.data[0]);
      }
      // fill has no input.
      if (Object.keys(t).length === outputs.length) throw new Error('nothing to change');
    },
  };
  it.each(Object.entries(broken))('%s is found out', async (_, run) => {
    expect(await firstFailure(kernel, run)).toBeDefined();
  });

  // Kernels on integers give integers.
  if (kernel.startsWith('q') && !/^q\w+Dynamic$/.test(kernel)) return;
  it('leaves what should be NaN is found out, where NaN comes out', async () => {
    let comesOut = false;
    const failure = await firstFailure(kernel, (t, attrs) => {
      const before = outputsOf(kernel, t).map((y) => y.buffer.data.slice(0, size(y)));
      right(kernel, t, attrs);
      for (const [i, { buffer }] of outputsOf(kernel, t).entries()) {
        before[i].forEach((v, at) => {
          if (!Number.isNaN(buffer.data[at]) || Number.isNaN(v)) return;
          comesOut = true;
          buffer.data[at] = v;
        });
      }
    });
    expect(failure !== undefined).toBe(comesOut);
  });
});

const mayBeEmpty: readonly KernelName[] = [
  ...([
    'fill',
    'quantize',
    'dequantize',
    'qlookup',
    'qconv2d',
    'qlinear',
    'qlinearDynamic',
    'qconv2dDynamic',
    'qadd',
    'qmul',
    'qaffine',
  ] as const),
  ...([
    'qmaxPool2d',
    'qavgPool2d',
    'qadaptiveAvgPool2d',
    'add',
    'relu',
    'matmul',
    'linear',
    'conv2d',
  ] as const),
  ...([
    'maxPool2d',
    'avgPool2d',
    'adaptiveAvgPool2d',
    'softmax',
    'sum',
    'embedding',
    'fakeQuantize',
  ] as const),
  ...(['observeMinMax', 'conv2dBackwardInput', 'conv2dBackwardWeight'] as const),
];

describe('empty batches', () => {
  it.each(mayBeEmpty)('refused by %s are found out', async (kernel) => {
    const refusing: Wrong = (t, attrs) => {
      if (Object.values(t).some((tensor) => tensor && size(tensor) === 0)) throw new Error('nothing to do');
      right(kernel, t, attrs);
    };
    expect(await firstFailure(kernel, refusing)).toContain('nothing to do');
  });
});

const { fround } = Math;
const exactly = (v: number) => v;
const rint = (v: number) => {
  const floor = Math.floor(v);
  return v - floor === 0.5 ? floor + (floor & 1) : Math.round(v);
};
const clamp = (v: number, low: number, high: number) => Math.min(Math.max(v, low), high);
const at = (values: ArrayLike<number>, c: number) => values[values.length > 1 ? c : 0];

/** How a convolution may go wrong. */
interface Flaws {
  /** What an accumulator holds after each addition. */
  accumulator: (sum: number) => number;
  /** A product, before it is added. */
  product: (p: number) => number;
  /** The sum, before it is multiplied. */
  sum: (sum: number) => number;
  /** The scaled sum. */
  scaled: (v: number) => number;
  round: (v: number) => number;
  /** The integer, before it is bounded. */
  store: (q: number) => number;
  biasAtTheEnd: boolean;
  zeroPointFirst: boolean;
  padding: (xZeroPoint: number) => number;
  outside: 'padding' | 'edge';
}

const sound: Flaws = {
  accumulator: exactly,
  product: exactly,
  sum: fround,
  scaled: fround,
  round: rint,
  store: exactly,
  biasAtTheEnd: false,
  zeroPointFirst: false,
  padding: exactly,
  outside: 'padding',
};

/** x [N,H,W,C], weight [O,kh,kw,C/groups], as slowly and plainly as can be. */
function convolve(flaws: Partial<Flaws>): Wrong {
  const f = { ...sound, ...flaws };
  return ({ x, weight, bias, y }, attrs) => {
    const [batch, height, width, channels] = x.shape;
    const [outputs, kh, kw, depth] = weight.shape;
    const [, oh, ow] = y.shape;
    const { stride, padding, dilation, groups, xZeroPoint } = attrs;
    let to = 0;
    for (let n = 0; n < batch; n++) {
      for (let position = 0; position < oh * ow; position++) {
        for (let o = 0; o < outputs; o++) {
          const zero = at(attrs.weightZeroPoint, o);
          let acc = bias && !f.biasAtTheEnd ? f.accumulator(bias.buffer.data[o]) : 0;
          for (let tap = 0; tap < kh * kw; tap++) {
            let h = Math.floor(position / ow) * stride[0] - padding[0] + Math.floor(tap / kw) * dilation[0];
            let w = (position % ow) * stride[1] - padding[1] + (tap % kw) * dilation[1];
            const inside = h >= 0 && h < height && w >= 0 && w < width;
            if (!inside && f.outside === 'edge') [h, w] = [clamp(h, 0, height - 1), clamp(w, 0, width - 1)];
            for (let i = 0; i < depth; i++) {
              const c = Math.floor(o / (outputs / groups)) * depth + i;
              const value =
                inside || f.outside === 'edge'
                  ? x.buffer.data[((n * height + h) * width + w) * channels + c]
                  : f.padding(xZeroPoint);
              const q = weight.buffer.data[(o * kh * kw + tap) * depth + i];
              acc = f.accumulator(acc + f.product((value - xZeroPoint) * (q - zero)));
            }
          }
          if (bias && f.biasAtTheEnd) acc = fround(fround(acc) + fround(bias.buffer.data[o]));
          const scaled = f.scaled(f.sum(acc) * at(attrs.multiplier, o));
          const stepped = f.zeroPointFirst
            ? f.round(fround(scaled + attrs.yZeroPoint))
            : f.round(scaled) + attrs.yZeroPoint;
          y.buffer.data[to++] = clamp(f.store(stepped), attrs.clampMin, attrs.clampMax);
        }
      }
    }
  };
}

const images = (t: Tensor): Tensor => ({ ...t, shape: [t.shape[0], 1, 1, t.shape[1]] });
const asLinear =
  (run: Wrong): Wrong =>
  ({ x, weight, bias, y }, attrs) =>
    run(
      { x: images(x), weight: images(weight), bias, y: images(y) },
      { ...attrs, stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 },
    );

const int16 = (v: number) => clamp(v, -32768, 32767);
const flaws: Record<string, Partial<Flaws>> = {
  'a float32 accumulator': { accumulator: fround },
  'no f32(sum)': { sum: exactly },
  'no f32(product)': { scaled: exactly },
  'an int16 accumulator': { accumulator: int16 },
  'a 24-bit accumulator': { accumulator: (v) => clamp(v, -(2 ** 23), 2 ** 23 - 1) },
  'products of half precision': { product: (v) => Math.round(v / 16) * 16 },
  'Math.round': { round: Math.round },
  'rounding half away': { round: (v) => Math.sign(v) * Math.round(Math.abs(v)) },
  'rounding half down': { round: (v) => Math.ceil(v - 0.5) },
  truncation: { round: Math.trunc },
  'rounding down': { round: Math.floor },
  'the zero point added before rounding': { zeroPointFirst: true },
  'bytes that wrap': { store: (q) => q & 255 },
  'int16 that wraps': { store: (q) => (q << 16) >> 16 },
  'a bias added in float32': { biasAtTheEnd: true },
};
/** What a linear layer can't show. */
const spatial: Record<string, Partial<Flaws>> = {
  'padding with 0': { padding: () => 0 },
  'padding with 128': { padding: () => 128 },
  'padding with the edge': { outside: 'edge' },
};

describe('qconv2d with', () => {
  it('no flaw passes', async () => {
    expect(await firstFailure('qconv2d', convolve({}))).toBeUndefined();
  });
  it.each(Object.entries({ ...flaws, ...spatial }))('%s is found out', async (_, flaw) => {
    expect(await firstFailure('qconv2d', convolve(flaw))).toBeDefined();
  });
});

describe('qlinear with', () => {
  it('no flaw passes', async () => {
    expect(await firstFailure('qlinear', asLinear(convolve({})))).toBeUndefined();
  });
  it.each(Object.entries(flaws))('%s is found out', async (_, flaw) => {
    expect(await firstFailure('qlinear', asLinear(convolve(flaw)))).toBeDefined();
  });
});

/** Elements with their channel, of x [o,c,i]. */
function each({ shape: [outer, channels, inner] }: Tensor, visit: (i: number, c: number) => void): void {
  for (let i = 0; i < outer * channels * inner; i++) visit(i, Math.floor(i / inner) % channels);
}

type Step = (x: number, scale: number, zero: number, low: number, high: number) => number;
const quantizing =
  (step: Step): Wrong =>
  ({ x, y }, { scale, zeroPoint, quantMin, quantMax }) =>
    each(x, (i, c) => {
      y.buffer.data[i] = step(x.buffer.data[i], at(scale, c), at(zeroPoint, c), quantMin, quantMax);
    });
const bounded = (q: number, low: number, high: number) => (q > low ? Math.min(q, high) : low);
const inverse = (scale: number) => fround(1 / scale);

const quantizers: Record<string, Step> = {
  'a division': (x, s, z, low, high) => bounded(rint(fround(x / s)) + z, low, high),
  'a double product': (x, s, z, low, high) => bounded(rint(x * inverse(s)) + z, low, high),
  'a double reciprocal': (x, s, z, low, high) => bounded(rint(fround(x * (1 / s))) + z, low, high),
  'the zero point added before rounding': (x, s, z, low, high) =>
    bounded(rint(fround(fround(x * inverse(s)) + z)), low, high),
  'Math.round': (x, s, z, low, high) => bounded(Math.round(fround(x * inverse(s))) + z, low, high),
  'rounding half away': (x, s, z, low, high) => {
    const v = fround(x * inverse(s));
    return bounded(Math.sign(v) * Math.round(Math.abs(v)) + z, low, high);
  },
  truncation: (x, s, z, low, high) => bounded(Math.trunc(fround(x * inverse(s))) + z, low, high),
  'NaN as 0': (x, s, z, low, high) => bounded(rint(fround(x * inverse(s))) + z || 0, low, high),
  'NaN as the zero point': (x, s, z, low, high) =>
    Number.isNaN(x) ? z : bounded(rint(fround(x * inverse(s))) + z, low, high),
  'NaN as the largest': (x, s, z, low, high) =>
    Number.isNaN(x) ? high : bounded(rint(fround(x * inverse(s))) + z, low, high),
  'an int32 that wraps': (x, s, z, low, high) => bounded((rint(fround(x * inverse(s))) | 0) + z, low, high),
  'bounds before the zero point': (x, s, z, low, high) =>
    bounded(bounded(rint(fround(x * inverse(s))), low, high) + z, low, high),
};

describe('quantize with', () => {
  const sound: Step = (x, s, z, low, high) => bounded(rint(fround(x * inverse(s))) + z, low, high);
  it('no flaw passes', async () => {
    expect(await firstFailure('quantize', quantizing(sound))).toBeUndefined();
  });
  it.each(Object.entries(quantizers))('%s is found out', async (_, step) => {
    expect(await firstFailure('quantize', quantizing(step))).toBeDefined();
  });
});

/** Averages of fixed windows; `mean` gets the sum, the number of elements, and the scales of x and y. */
const averaging =
  (mean: (sum: number, n: number, scale: number, yScale: number) => number): Wrong =>
  (
    { x, y },
    {
      zeroPoint,
      scale,
      yZeroPoint = zeroPoint,
      yScale = scale,
      kernelSize,
      stride,
      padding,
      countIncludePad,
    },
  ) => {
    const [batch, height, width, channels] = x.shape;
    const [, oh, ow] = y.shape;
    const [low, high] = y.dtype === 'int8' ? [-128, 127] : [0, 255];
    const window = (i: number, axis: number, length: number) => {
      if (!kernelSize) {
        const out = [oh, ow][axis];
        const [start, end] = [Math.floor((i * length) / out), Math.ceil(((i + 1) * length) / out)];
        return [start, end, end - start];
      }
      const from = i * stride[axis] - padding[axis];
      const past = Math.min(from + kernelSize[axis], length + padding[axis]);
      const [start, end] = [Math.max(from, 0), Math.min(past, length)];
      return [start, end, countIncludePad ? past - from : end - start];
    };
    for (let i = 0; i < batch * oh * ow * channels; i++) {
      const c = i % channels;
      const position = Math.floor(i / channels);
      const [h0, h1, hn] = window(Math.floor(position / ow) % oh, 0, height);
      const [w0, w1, wn] = window(position % ow, 1, width);
      const n = Math.floor(position / ow / oh);
      let sum = 0;
      for (let h = h0; h < h1; h++) {
        for (let w = w0; w < w1; w++) {
          sum += x.buffer.data[((n * height + h) * width + w) * channels + c] - zeroPoint;
        }
      }
      y.buffer.data[i] = clamp(mean(sum, hn * wn, scale, yScale) + yZeroPoint, low, high);
    }
  };

const means: Record<string, (sum: number, n: number, scale: number, yScale: number) => number> = {
  "x's scale alone": (sum, n, s) => rint(fround(sum * fround(s / fround(s * n)))),
  'a division by the count': (sum, n, s, sy) => rint(fround((sum * s) / sy / n)),
  'a product with the reciprocal of the count': (sum, n, s, sy) =>
    rint(fround(sum * fround(s / sy) * fround(1 / n))),
  'the scale in doubles': (sum, n, s, sy) => rint(fround(sum * fround(s / (sy * n)))),
  'Math.round': (sum, n, s, sy) => Math.round(fround(sum * fround(s / fround(sy * n)))),
  'rounding half away': (sum, n, s, sy) => {
    const v = fround(sum * fround(s / fround(sy * n)));
    return Math.sign(v) * Math.round(Math.abs(v));
  },
  'an integer division': (sum, n) => Math.trunc(sum / n),
  'rounding by half the count': (sum, n) => Math.floor((sum + Math.floor(n / 2)) / n),
};

describe.each(['qavgPool2d', 'qadaptiveAvgPool2d'] as const)('%s with', (kernel) => {
  it('no flaw passes', async () => {
    const mean = averaging((sum, n, s, sy) => rint(fround(sum * fround(s / fround(sy * n)))));
    expect(await firstFailure(kernel, mean)).toBeUndefined();
  });
  it.each(Object.entries(means))('%s is found out', async (_, mean) => {
    expect(await firstFailure(kernel, averaging(mean))).toBeDefined();
  });
});

type Sum = (total: number, shift: number) => number;
const adding =
  (scaled: Sum, product: (p: number) => number = exactly): Wrong =>
  ({ a, b, y }, t) => {
    for (let i = 0; i < size(y); i++) {
      const total =
        product(t.aMultiplier * (a.buffer.data[i] - t.aZeroPoint)) +
        product(t.bMultiplier * (b.buffer.data[i] - t.bZeroPoint));
      y.buffer.data[i] = clamp(scaled(total, t.shift) + t.yZeroPoint, t.clampMin, t.clampMax);
    }
  };
const halfAway: Sum = (total, shift) => Math.sign(total) * Math.floor(Math.abs(total) / 2 ** shift + 0.5);

const sums: Record<string, Wrong> = {
  'rounding half to even': adding((total, shift) => rint(total / 2 ** shift)),
  'rounding half up': adding((total, shift) => Math.floor(total / 2 ** shift + 0.5)),
  truncation: adding((total, shift) => Math.trunc(total / 2 ** shift)),
  'a plain shift': adding((total, shift) => Math.floor(total / 2 ** shift)),
  'at most 30 bits of shift': adding((total, shift) => halfAway(total, Math.min(shift, 30))),
  'JavaScript’s rounded shift': adding((total, shift) => (total + (1 << (shift - 1))) >> shift),
  'float32 products': adding(halfAway, fround),
  'each operand rounded by itself': ({ a, b, y }, t) => {
    for (let i = 0; i < size(y); i++) {
      const sum =
        halfAway(t.aMultiplier * (a.buffer.data[i] - t.aZeroPoint), t.shift) +
        halfAway(t.bMultiplier * (b.buffer.data[i] - t.bZeroPoint), t.shift);
      y.buffer.data[i] = clamp(sum + t.yZeroPoint, t.clampMin, t.clampMax);
    }
  },
};

describe('qadd with', () => {
  it('no flaw passes', async () => {
    expect(await firstFailure('qadd', adding(halfAway))).toBeUndefined();
  });
  it.each(Object.entries(sums))('%s is found out', async (_, run) => {
    expect(await firstFailure('qadd', run)).toBeDefined();
  });
});

const multiplying =
  (round: (product: number, multiplier: number) => number, store = exactly): Wrong =>
  ({ a, b, y }, t) => {
    for (let i = 0; i < size(y); i++) {
      const product = (a.buffer.data[i] - t.aZeroPoint) * (b.buffer.data[i] - t.bZeroPoint);
      y.buffer.data[i] = clamp(store(round(product, t.multiplier) + t.yZeroPoint), t.clampMin, t.clampMax);
    }
  };

describe('qmul with', () => {
  const broken: Record<string, Wrong> = {
    'Math.round': multiplying((p, m) => Math.round(fround(p * m))),
    'rounding half away': multiplying((p, m) => Math.sign(p) * Math.round(Math.abs(fround(p * m)))),
    truncation: multiplying((p, m) => Math.trunc(fround(p * m))),
    'an int16 product': multiplying((p, m) => rint(fround(int16(p) * m))),
    'bytes that wrap': multiplying(
      (p, m) => rint(fround(p * m)),
      (q) => q & 255,
    ),
  };
  it('no flaw passes', async () => {
    expect(
      await firstFailure(
        'qmul',
        multiplying((p, m) => rint(fround(p * m))),
      ),
    ).toBeUndefined();
  });
  it.each(Object.entries(broken))('%s is found out', async (_, run) => {
    expect(await firstFailure('qmul', run)).toBeDefined();
  });
});

/** Dynamic linear by the reference, of an x that was quantized and dequantized by `step` first. */
function dynamic(range: (x: TypedArray) => [number, number], step: Step): Wrong {
  return ({ x, weight, bias, y }, { weightScale, weightZeroPoint, reduceRange }) => {
    const [m, k] = x.shape;
    const [n] = weight.shape;
    const steps = reduceRange ? 127 : 255;
    const one = (dtype: 'float32' | 'int32', value: number): Tensor => {
      const buffer = referenceBackend.allocate(dtype, 1) as HostBuffer;
      buffer.data[0] = value;
      return { buffer, dtype, shape: [1] };
    };
    const [low, high] = range(x.buffer.data.subarray(0, m * k));
    const t = {
      minVal: one('float32', low),
      maxVal: one('float32', high),
      scale: one('float32', 0),
      zeroPoint: one('int32', 0),
    };
    right('chooseQparams', t, { quantMin: 0, quantMax: steps, symmetric: false });
    const [scale, zero] = [t.scale.buffer.data[0], t.zeroPoint.buffer.data[0]];
    for (const { buffer } of Object.values(t)) buffer.free();
    for (let i = 0; i < m * n; i++) {
      const o = i % n;
      let sum = 0;
      for (let p = 0; p < k; p++) {
        const q = step(x.buffer.data[Math.floor(i / n) * k + p], scale, zero, 0, steps);
        sum += (q - zero) * (weight.buffer.data[o * k + p] - at(weightZeroPoint, o));
      }
      y.buffer.data[i] =
        fround(fround(sum) * fround(scale * at(weightScale, o))) + (bias?.buffer.data[o] ?? 0);
    }
  };
}

const wholeRange = (x: TypedArray): [number, number] => {
  let [low, high] = [0, 0];
  for (const v of x) [low, high] = [Math.min(low, v), Math.max(high, v)];
  return [low, high];
};

describe('qlinearDynamic with', () => {
  const sound: Step = (x, s, z, low, high) => bounded(rint(fround(x * inverse(s))) + z, low, high);
  const broken: Record<string, Wrong> = {
    'a range that NaN falls out of': dynamic((x) => {
      let [low, high] = [0, 0];
      for (const v of x) {
        if (v < low) low = v;
        if (v > high) high = v;
      }
      return [low, high];
    }, sound),
    'a range without the last element': dynamic((x) => wholeRange(x.subarray(0, -1)), sound),
    'a range of whole vectors of four': dynamic((x) => wholeRange(x.subarray(0, x.length & ~3)), sound),
    'a range without infinities': dynamic(
      (x) => wholeRange(x.filter((v) => Math.abs(v) !== Infinity)),
      sound,
    ),
    'a division': dynamic(wholeRange, (x, s, z, low, high) => bounded(rint(fround(x / s)) + z, low, high)),
    'Math.round': dynamic(wholeRange, (x, s, z, low, high) =>
      bounded(Math.round(fround(x * inverse(s))) + z, low, high),
    ),
  };
  it('no flaw passes', async () => {
    expect(await firstFailure('qlinearDynamic', dynamic(wholeRange, sound))).toBeUndefined();
  });
  it.each(Object.entries(broken))('%s is found out', async (_, run) => {
    expect(await firstFailure('qlinearDynamic', run)).toBeDefined();
  });
});

describe('others', () => {
  const broken: [KernelName, string, Wrong][] = [
    [
      'cast',
      'NaN as the smallest integer',
      (t, attrs) => {
        right('cast', t, attrs);
        for (let i = 0; i < size(t.x); i++) {
          if (Number.isNaN(t.x.buffer.data[i]) && !isFloatDType(t.y.dtype) && t.y.dtype !== 'bool')
            t.y.buffer.data[i] = t.y.dtype === 'uint8' ? 255 : -128;
        }
      },
    ],
    [
      'cast',
      'NaN as false',
      (t, attrs) => {
        right('cast', t, attrs);
        for (let i = 0; i < size(t.x); i++) {
          if (Number.isNaN(t.x.buffer.data[i]) && t.y.dtype === 'bool') t.y.buffer.data[i] = 0;
        }
      },
    ],
    [
      'qmaxPool2d',
      'padding that wins over the lowest',
      (t, attrs) => {
        right('qmaxPool2d', t, attrs);
        if (t.y.dtype === 'int8' && attrs.padding[0] > 0) {
          for (let i = 0; i < size(t.y); i++) t.y.buffer.data[i] = Math.max(t.y.buffer.data[i], 0);
        }
      },
    ],
    [
      'qlookup',
      'a table from 0 for int8',
      ({ x, y }, { table }) => {
        for (let i = 0; i < size(y); i++) y.buffer.data[i] = table[x.buffer.data[i] & 255];
      },
    ],
    [
      'qlookup',
      'vectors of 16 only',
      ({ x, y }, { table }) => {
        const first = x.dtype === 'int8' ? -128 : 0;
        for (let i = 0; i < (size(y) & ~15); i++) y.buffer.data[i] = table[x.buffer.data[i] - first];
      },
    ],
    [
      'matmul',
      'the first batch of b for all',
      (t, attrs) => {
        const [batch] = t.y.shape;
        if (batch < 2 || t.b.shape[0] < 2) return right('matmul', t, attrs);
        right('matmul', { ...t, b: { ...t.b, shape: [1, ...t.b.shape.slice(1)] } }, attrs);
      },
    ],
    [
      'observeMinMax',
      'a NaN that falls out',
      (t, attrs) => {
        const clean = hostArray('float32', size(t.x)).map((_, i) => t.x.buffer.data[i] || 0);
        right('observeMinMax', { ...t, x: { ...t.x, buffer: { data: clean } as HostBuffer } }, attrs);
      },
    ],
    [
      'fakeQuantize',
      'a division',
      ({ x, scale, zeroPoint, y, mask }, { quantMin, quantMax }) =>
        each(x, (i, c) => {
          const s = scale.buffer.data[c];
          const z = clamp(rint(zeroPoint.buffer.data[c]), quantMin, quantMax);
          const q = rint(fround(x.buffer.data[i] / s)) + z;
          const kept = clamp(q, quantMin, quantMax);
          mask.buffer.data[i] = Number(kept === q);
          y.buffer.data[i] = (kept - z) * s;
        }),
    ],
  ];
  it.each(broken)('%s with %s is found out', async (kernel, _, run) => {
    expect(await firstFailure(kernel, run)).toBeDefined();
  });
});
