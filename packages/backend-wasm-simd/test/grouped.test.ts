// Convolutions by groups, of every number of channels a group: floats, forwards and backwards, and how long they take.
import type { Conv2dAttrs, KernelName } from '@octet/backend';
import { checkCase } from '@octet/backend-testkit';
import type { CaseTensor, KernelCase } from '@octet/backend-testkit/cases';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWasmBackend } from '../src';

// biome-ignore lint/suspicious/noExplicitAny: any backend, any kernel
type Any = any;

const variants = [
  { relaxedSimd: false, threads: 1 },
  { relaxedSimd: true, threads: 1 },
  { relaxedSimd: true, threads: 2, maxGrain: 1 },
] as const;

const small = (max: number, min = 1) => fc.integer({ min, max });
const pair = (arbitrary: fc.Arbitrary<number>) => fc.tuple(arbitrary, arbitrary);
const tolerance = { atol: 1e-4, rtol: 1e-4 };

/** Numbers between -2 and 2, the same for the same seed. */
function floats(seed: number, shape: readonly number[]): CaseTensor {
  let state = seed | 1;
  const data = new Float32Array(shape.reduce((n, d) => n * d, 1)).map(() => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 2 ** 30;
  });
  return { dtype: 'float32', shape, data };
}

const convolution = fc
  .record({
    batch: small(2),
    image: pair(small(11)),
    groups: small(9),
    groupIn: small(17),
    groupOut: small(9),
    kernel: pair(fc.constantFrom(1, 1, 2, 3, 3, 5)),
    stride: pair(fc.constantFrom(1, 1, 2, 3)),
    padding: pair(small(3, 0)),
    dilation: pair(fc.constantFrom(1, 1, 2)),
    clamp: fc.constantFrom(undefined, [0, Infinity] as const, [-0.5, 1.5] as const),
    seed: fc.nat(),
  })
  .map(({ batch, image, groups, groupIn, groupOut, kernel, clamp, seed, ...window }) => {
    const out = [0, 1].map((i) => {
      const extent = window.dilation[i] * (kernel[i] - 1) + 1;
      return Math.floor((image[i] + 2 * window.padding[i] - extent) / window.stride[i]) + 1;
    });
    return {
      x: [batch, ...image, groups * groupIn],
      weight: [groups * groupOut, ...kernel, groupIn],
      y: [batch, ...out, groups * groupOut],
      attrs: { ...window, groups } satisfies Conv2dAttrs,
      clamp,
      seed,
    };
  })
  .filter(({ y }) => y[1] > 0 && y[2] > 0);

describe.each(variants)('as the reference: %o', (options) => {
  let backend: Awaited<ReturnType<typeof createWasmBackend>>;
  beforeAll(async () => {
    backend = await createWasmBackend(options);
    await backend.ready;
  });
  afterAll(() => backend.dispose?.());

  it('float convolutions by groups, forwards and backwards', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(convolution, async ({ x, weight, y, attrs, clamp, seed }) => {
        const check = (
          kernel: KernelName,
          inputs: Record<string, CaseTensor>,
          outputs: Record<string, readonly number[]>,
          more: object = attrs,
        ) => {
          const of = Object.entries(outputs).map(([name, shape]) => [name, { dtype: 'float32', shape }]);
          const kernelCase = {
            name: 'any',
            inputs,
            outputs: Object.fromEntries(of),
            attrs: more,
            tolerance,
          };
          return checkCase(backend as Any, kernel, kernelCase as unknown as KernelCase);
        };
        const [xs, ws, gradY] = [x, weight, y].map((shape, i) => floats(seed + i, shape));
        const bias = floats(seed + 3, [weight[0]]);
        await check('conv2d', { x: xs, weight: ws, bias }, { y }, { ...attrs, clamp });
        await check('conv2dBackwardInput', { gradY, weight: ws }, { gradX: x });
        await check('conv2dBackwardWeight', { x: xs, gradY }, { gradWeight: weight });
      }),
      { numRuns: 150 },
    );
  });
});

/** The best of many calls of each, in turn: for long enough that they are compiled for speed. */
function bestOf(...calls: readonly (() => void)[]): number[] {
  const best = calls.map(() => Number.POSITIVE_INFINITY);
  for (const end = performance.now() + 500; performance.now() < end; ) {
    calls.forEach((call, i) => {
      const start = performance.now();
      call();
      best[i] = Math.min(best[i], performance.now() - start);
    });
  }
  return best;
}

describe('few channels a group take about as long for each product as one does', () => {
  let backend: Any;
  beforeAll(async () => {
    backend = await createWasmBackend({ threads: 1 });
  });

  const [side, channels] = [28, 64];
  const place = (dtype: 'uint8' | 'int8' | 'float32', shape: readonly number[]) => ({
    buffer: backend.allocate(
      dtype,
      shape.reduce((n, d) => n * d, 1),
    ),
    dtype,
    shape,
  });
  /** Calls of a 3 × 3 convolution of `channels` inputs, and the products of each. */
  const conv = (kind: 'int8' | 'float32', groups: number, outputs: number) => {
    const weight = place(kind, [outputs, 3, 3, channels / groups]);
    const activations = kind === 'int8' ? 'uint8' : 'float32';
    const x = place(activations, [1, side, side, channels]);
    const y = place(activations, [1, side, side, outputs]);
    const attrs = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups };
    const products = side * side * outputs * 9 * (channels / groups);
    if (kind === 'float32') return { products, call: () => backend.kernels.conv2d({ x, weight, y }, attrs) };
    const requantize = { xZeroPoint: 3, yZeroPoint: 5, clampMin: 0, clampMax: 255 };
    const scales = { weightZeroPoint: Int32Array.of(0), multiplier: Float32Array.of(0.01) };
    const { prepack, run } = backend.kernels.qconv2d;
    const packed = prepack({ weight }, { ...attrs, ...requantize, ...scales });
    return { products, call: () => run({ x, weight, y }, { ...attrs, ...requantize, ...scales }, packed) };
  };

  it.each([
    { kind: 'int8', groups: 64, outputs: 128 },
    { kind: 'int8', groups: 32, outputs: 64 },
    { kind: 'int8', groups: 32, outputs: 32 },
    { kind: 'float32', groups: 64, outputs: 128 },
    { kind: 'float32', groups: 32, outputs: 64 },
    { kind: 'float32', groups: 32, outputs: 32 },
  ] as const)('$kind, $groups groups, $outputs outputs', ({ kind, groups, outputs }) => {
    const depthwise = conv(kind, channels, channels);
    const few = conv(kind, groups, outputs);
    const [one, many] = bestOf(depthwise.call, few.call);
    // As a product of matrices for each group it took more than ten times as long.
    expect(many / few.products).toBeLessThan((6 * one) / depthwise.products);
  });
});
