import type { Conv2dAttrs, KernelName, RequantizeAttrs } from '@octet/backend';
import { checkCase } from '@octet/backend-testkit';
import type { CaseTensor, KernelCase } from '@octet/backend-testkit/cases';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WebgpuBackend } from '../src';
import { createTestBackend, noGpu } from './adapter';

const sizeOf = (shape: readonly number[]) => shape.reduce((n, d) => n * d, 1);

/** Integers of a generator of its own, so that tensors cost fast-check one seed; the bounds often: they are what overflows. */
function integers(
  dtype: 'uint8' | 'int8' | 'int32',
  shape: readonly number[],
  seed: number,
  [min, max]: readonly [number, number],
): CaseTensor {
  let state = seed | 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  const any = () => {
    const u = next();
    return u < 0.1 ? min : u > 0.9 ? max : min + Math.floor(next() * (max - min + 1));
  };
  const data = { uint8: Uint8Array, int8: Int8Array, int32: Int32Array }[dtype];
  return { dtype, shape, data: data.from(Array.from({ length: sizeOf(shape) }, any)) };
}

const byte = fc.oneof(fc.constantFrom(0, 255), fc.integer({ min: 0, max: 255 }));
const small = (max: number, min = 1) => fc.integer({ min, max });
const pair = (arbitrary: fc.Arbitrary<number>) => fc.tuple(arbitrary, arbitrary);

const requantizing = fc.record({
  xZeroPoint: byte,
  yZeroPoint: byte,
  bounds: fc.constantFrom([0, 255], [0, 127], [17, 200]),
  weightZeroPoint: fc.constantFrom('none', 'one', 'each'),
  eachMultiplier: fc.boolean(),
  // From sums that all become 0 or 1 to sums that all saturate.
  multiplier: fc.constantFrom(1e-6, 1e-4, 7e-4, 0.003, 0.5, 1, 30, 1e5),
  bias: fc.constantFrom(0, 1000, 1 << 20),
  seed: fc.integer(),
});
type Requantizing = typeof requantizing extends fc.Arbitrary<infer T> ? T : never;

function requantize(r: Requantizing, outputs: number): RequantizeAttrs {
  const each = <T>(of: (i: number) => T) => Array.from({ length: outputs }, (_, i) => of(i));
  const zeros = { none: [0], one: [-17], each: each((i) => ((i * 53) % 256) - 128) };
  return {
    xZeroPoint: r.xZeroPoint,
    weightZeroPoint: Int32Array.from(zeros[r.weightZeroPoint]),
    multiplier: Float32Array.from(
      r.eachMultiplier ? each((i) => r.multiplier * (0.3 + (i % 7) * 0.4)) : [r.multiplier],
    ),
    yZeroPoint: r.yZeroPoint,
    clampMin: r.bounds[0],
    clampMax: r.bounds[1],
  };
}

function inputs(r: Requantizing, x: readonly number[], weight: readonly number[]) {
  return {
    x: integers('uint8', x, r.seed, [0, 255]),
    weight: integers('int8', weight, r.seed + 2, [-128, 127]),
    bias: r.bias ? integers('int32', [weight[0]], r.seed + 4, [-r.bias, r.bias]) : undefined,
  };
}

const window = fc.record({
  image: pair(small(9)),
  kernel: pair(fc.constantFrom(1, 1, 2, 3, 3, 5)),
  stride: pair(fc.constantFrom(1, 1, 2, 3)),
  padding: pair(small(3, 0)),
  dilation: pair(fc.constantFrom(1, 1, 2)),
});

const one = fc.constant(1);
/** What a group may have of each, and groups. */
const forms = {
  'few groups': { channels: small(9), outputs: small(19), groups: fc.constantFrom(1, 1, 1, 2, 3) },
  'narrow groups': { channels: small(9), outputs: small(9), groups: small(9, 2) },
  depthwise: { channels: one, outputs: one, groups: fc.constantFrom(2, 3, 4, 6, 7, 8, 19, 33) },
};

const convolution = (form: keyof typeof forms) =>
  fc
    .record({
      batch: small(2),
      ...forms[form],
      window,
      requantizing,
    })
    .map(({ batch, channels: groupIn, outputs, groups, window: w, requantizing: r }) => {
      const { stride, padding, dilation, kernel } = w;
      const attrs: Conv2dAttrs & RequantizeAttrs = {
        ...{ stride, padding, dilation, groups },
        ...requantize(r, outputs * groups),
      };
      const [height, width] = [0, 1].map(
        (i) => Math.floor((w.image[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) / stride[i]) + 1,
      );
      return {
        name: 'any convolution',
        inputs: inputs(r, [batch, ...w.image, groupIn * groups], [outputs * groups, ...kernel, groupIn]),
        outputs: { y: { dtype: 'uint8', shape: [batch, height, width, outputs * groups] } },
        attrs,
        tolerance: 'exact',
      } satisfies KernelCase<'qconv2d'>;
    })
    .filter(({ outputs: { y } }) => y.shape[1] > 0 && y.shape[2] > 0);

const linear = fc.record({ m: small(40), k: small(300), n: small(70), requantizing }).map(
  ({ m, k, n, requantizing: r }) =>
    ({
      name: 'any linear layer',
      inputs: inputs(r, [m, k], [n, k]),
      outputs: { y: { dtype: 'uint8', shape: [m, n] } },
      attrs: requantize(r, n),
      tolerance: 'exact',
    }) satisfies KernelCase<'qlinear'>,
);

/** Without a bias every float is a product of the same two numbers, if the integers are the same. */
const dynamicLinear = fc
  .record({
    m: small(7),
    k: small(50),
    n: small(40),
    // Not 0: all of one sign.
    middle: fc.constantFrom(0, 0, -1, 1),
    range: fc.constantFrom(1e-6, 0.003, 1, 77, 1e6),
    zeroPoint: fc.constantFrom(0, 0, -17),
    reduceRange: fc.boolean(),
    seed: fc.integer(),
  })
  .map(({ m, k, n, middle, range, zeroPoint, reduceRange, seed }) => {
    const { data } = integers('int32', [m, k], seed, [-1_000_000, 1_000_000]);
    const x = Float32Array.from(data, (v) => range * (middle + v / 1_234_567));
    return {
      name: 'any dynamic linear layer',
      inputs: {
        x: { dtype: 'float32', shape: [m, k], data: x },
        weight: integers('int8', [n, k], seed + 2, [-128, 127]),
      },
      outputs: { y: { dtype: 'float32', shape: [m, n] } },
      attrs: { weightScale: Float32Array.of(0.0173), weightZeroPoint: Int32Array.of(zeroPoint), reduceRange },
      tolerance: 'exact',
    } satisfies KernelCase<'qlinearDynamic'>;
  });

/** Likewise. */
const dynamicConvolution = fc
  .record({
    batch: small(2),
    image: fc.tuple(small(9), small(9)),
    groupIn: small(9),
    groupOut: small(7),
    groups: fc.constantFrom(1, 1, 2, 5),
    kernel: fc.tuple(fc.constantFrom(1, 2, 3), fc.constantFrom(1, 3, 5)),
    stride: fc.tuple(small(2), small(2)),
    padding: fc.tuple(small(2, 0), small(2, 0)),
    dilation: fc.tuple(small(2), small(2)),
    middle: fc.constantFrom(0, 0, -1, 1),
    range: fc.constantFrom(1e-6, 1, 1e6),
    zeroPoint: fc.constantFrom(0, 0, -17),
    reduceRange: fc.boolean(),
    seed: fc.integer(),
  })
  .map(({ batch, image, groupIn, groupOut, middle, range, zeroPoint, seed, kernel, ...attrs }) => {
    const { stride, padding, dilation, groups } = attrs;
    const [height, width] = [0, 1].map(
      (i) => Math.floor((image[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) / stride[i]) + 1,
    );
    const shape = [batch, ...image, groupIn * groups];
    const { data } = integers('int32', shape, seed, [-1_000_000, 1_000_000]);
    const x = Float32Array.from(data, (v) => range * (middle + v / 1_234_567));
    return {
      name: 'any dynamic convolution',
      inputs: {
        x: { dtype: 'float32', shape, data: x },
        weight: integers('int8', [groupOut * groups, ...kernel, groupIn], seed + 2, [-128, 127]),
      },
      outputs: { y: { dtype: 'float32', shape: [batch, height, width, groupOut * groups] } },
      attrs: {
        ...attrs,
        weightScale: Float32Array.of(0.0173),
        weightZeroPoint: Int32Array.of(zeroPoint),
      },
      tolerance: 'exact',
    } satisfies KernelCase<'qconv2dDynamic'>;
  })
  .filter(({ outputs: { y } }) => y.shape[1] > 0 && y.shape[2] > 0);

const ratio = fc.oneof(
  fc.double({ min: 1e-6, max: 4, noNaN: true }),
  fc.double({ min: 1e-4, max: 2e6, noNaN: true }),
);

const addition = fc
  .record({ n: small(100), ra: ratio, rb: ratio, zeros: fc.tuple(byte, byte, byte), seed: fc.integer() })
  .map(({ n, ra, rb, zeros: [aZeroPoint, bZeroPoint, yZeroPoint], seed }) => {
    const shift = Math.min(21 - Math.floor(Math.log2(Math.max(ra, rb))), 31);
    return {
      name: 'any sum',
      inputs: { a: integers('uint8', [n], seed, [0, 255]), b: integers('uint8', [n], seed + 2, [0, 255]) },
      outputs: { y: { dtype: 'uint8', shape: [n] } },
      attrs: {
        aMultiplier: Math.round(ra * 2 ** shift),
        bMultiplier: Math.round(rb * 2 ** shift),
        shift,
        ...{ aZeroPoint, bZeroPoint, yZeroPoint, clampMin: 0, clampMax: 255 },
      },
      tolerance: 'exact',
    } satisfies KernelCase<'qadd'>;
  });

/** Every number of terms that an average pool of up to 20 x 20 can have, and sums that make ties of them. */
const averaging = fc
  .record({
    height: small(20),
    width: small(20),
    zeroPoint: byte,
    scale: fc.float({ min: 1, max: 2, noNaN: true }),
    yZeroPoint: byte,
    yScale: fc.float({ min: 1, max: 2, noNaN: true }),
    seed: fc.integer(),
  })
  .map(
    ({ height, width, seed, ...attrs }) =>
      ({
        name: 'any average',
        inputs: { x: integers('uint8', [1, height, width, 5], seed, [0, 255]) },
        outputs: { y: { dtype: 'uint8', shape: [1, 1, 1, 5] } },
        attrs,
        tolerance: 'exact',
      }) satisfies KernelCase<'qadaptiveAvgPool2d'>,
  );

/** Enough tiles for the large ones, all but a few with rows and columns past the end. */
const manyTiles = {
  name: 'many tiles',
  inputs: {
    x: integers('uint8', [1, 5, 13, 7 * 32], 1, [0, 255]),
    weight: integers('int8', [67 * 32, 1, 2, 7], 3, [-128, 127]),
  },
  outputs: { y: { dtype: 'uint8', shape: [1, 5, 14, 67 * 32] } },
  attrs: {
    ...{ stride: [1, 1], padding: [0, 1], dilation: [1, 1], groups: 32 },
    ...{ xZeroPoint: 77, weightZeroPoint: Int32Array.of(5), multiplier: Float32Array.of(0.0007) },
    ...{ yZeroPoint: 120, clampMin: 0, clampMax: 255 },
  },
  tolerance: 'exact',
} satisfies KernelCase<'qconv2d'>;

const properties = {
  convolution: ['qconv2d', convolution('few groups'), 40],
  'convolution of narrow groups': ['qconv2d', convolution('narrow groups'), 40],
  'depthwise convolution': ['qconv2d', convolution('depthwise'), 25],
  linear: ['qlinear', linear, 15],
  'dynamic linear': ['qlinearDynamic', dynamicLinear, 30],
  'dynamic convolution': ['qconv2dDynamic', dynamicConvolution, 30],
  sum: ['qadd', addition, 60],
  average: ['qadaptiveAvgPool2d', averaging, 60],
  'convolution of many tiles': ['qconv2d', fc.constant(manyTiles), 1],
} satisfies Record<string, [KernelName, fc.Arbitrary<unknown>, number]>;

describe.skipIf(noGpu).each([true, false])(
  'the same integers as the reference, dot4I8Packed: %o',
  (dotProduct) => {
    let backend: WebgpuBackend;
    beforeAll(async () => {
      backend = await createTestBackend({ dotProduct });
      expect(backend.info().dotProduct).toBe(dotProduct);
    });
    afterAll(() => backend?.dispose());

    it.each(Object.entries(properties))('%s', async (_, [kernel, cases, numRuns]) => {
      await fc.assert(
        fc.asyncProperty<[unknown]>(cases, (c) => checkCase(backend, kernel as KernelName, c as KernelCase)),
        { numRuns },
      );
    });
  },
);
