import { dispatch, type KernelName, type StorageDType, type TypedArray } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WasmBackend } from '../src';
import { createVariant, int8Variants, slow } from './variants';

interface HostTensor {
  dtype: StorageDType;
  shape: readonly number[];
  data: TypedArray;
}

// biome-ignore lint/suspicious/noExplicitAny: any backend, any kernel
type Any = any;

/** What a backend's kernel makes of these inputs, in buffers with rubbish around. */
async function run(
  backend: Any,
  kernel: KernelName,
  inputs: Record<string, HostTensor>,
  y: HostTensor,
  attrs: object,
) {
  const place = ({ dtype, shape, data }: HostTensor) => {
    const buffer = backend.allocate(dtype, data.length);
    backend.write(buffer, data);
    return { buffer, dtype, shape };
  };
  const placed = Object.fromEntries(Object.entries(inputs).map(([name, t]) => [name, place(t)]));
  const out = place(y);
  dispatch(backend, kernel, placed as Any, { y: out } as Any, attrs as Any);
  const result = await backend.read(out.buffer, y.data.length);
  for (const { buffer } of [...Object.values(placed), out]) backend.free(buffer);
  return result;
}

const size = (shape: readonly number[]) => shape.reduce((n, d) => n * d, 1);

/** Integers of a generator of its own, so that big tensors cost fast-check one seed. */
function integers(
  seed: number,
  dtype: 'uint8' | 'int8' | 'int32',
  shape: readonly number[],
  min: number,
  max: number,
) {
  let state = seed | 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  const values = Array.from({ length: size(shape) }, () => {
    const u = next();
    // The ends often: they are what overflows.
    return u < 0.1 ? min : u > 0.9 ? max : min + Math.floor(next() * (max - min + 1));
  });
  const data = { uint8: Uint8Array, int8: Int8Array, int32: Int32Array }[dtype].from(values);
  return { dtype, shape, data };
}

/** Floats about `centre`, times `scale`. */
function someFloats(seed: number, shape: readonly number[], scale: number, centre: number): HostTensor {
  const { data } = integers(seed, 'int32', shape, -1_000_000, 1_000_000);
  return {
    dtype: 'float32',
    shape,
    data: Float32Array.from(data, (v) => scale * (centre + v / 1_234_567)),
  };
}

const byte = fc.oneof(fc.constantFrom(0, 255), fc.integer({ min: 0, max: 255 }));
const pair = (arbitrary: fc.Arbitrary<number>) => fc.tuple(arbitrary, arbitrary);
const small = (max: number, min = 1) => fc.integer({ min, max });

const requantize = fc.record({
  xZeroPoint: byte,
  yZeroPoint: byte,
  bounds: fc.constantFrom([0, 255], [-1, 255], [0, 127], [17, 200]),
  weightZeroPoint: fc.constantFrom('none', 'one', 'each'),
  /** Pairs of -128 are more than 'signed' can take. */
  weightMin: fc.constantFrom(-127, -128),
  eachMultiplier: fc.boolean(),
  // From sums that all become 0 or 1 to sums that all saturate.
  multiplier: fc.constantFrom(1e-6, 1e-4, 7e-4, 0.003, 0.5, 1, 30, 1e5),
  bias: fc.constantFrom(0, 1000, 1 << 20),
  /** The largest activation: below 128 bytes are multiplied as they are. */
  xMax: fc.constantFrom(127, 128, 255),
  /** A few activations that are larger, as clamping leaves them. */
  outliers: fc.array(fc.nat(), { maxLength: 4 }),
  /** The largest sums there can be: all activations the largest, all weights of an output the least or the largest. */
  extreme: fc.constantFrom(false, false, true),
  seed: fc.integer(),
});

type Requantize = typeof requantize extends fc.Arbitrary<infer T> ? T : never;

function activations({ seed, xMax, outliers, extreme }: Requantize, shape: readonly number[]): HostTensor {
  const x = integers(seed, 'uint8', shape, extreme ? xMax : 0, xMax);
  for (const at of outliers) x.data[at % x.data.length] = 200;
  return x;
}

function weights({ seed, weightMin, extreme }: Requantize, shape: readonly number[]): HostTensor {
  const weight = integers(seed + 2, 'int8', shape, weightMin, 127);
  const row = size(shape.slice(1));
  for (let at = 0; extreme && at < weight.data.length; at += row) {
    weight.data.fill((at / row) % 2 ? weightMin : 127, at, at + row);
  }
  return weight;
}

function attributes(r: Requantize, outputs: number) {
  const zeros = {
    none: [0],
    one: [-17],
    each: Array.from({ length: outputs }, (_, i) => ((i * 53) % 256) - 128),
  };
  const [low, high] = r.bounds;
  return {
    xZeroPoint: r.xZeroPoint,
    weightZeroPoint: Int32Array.from(zeros[r.weightZeroPoint]),
    multiplier: r.eachMultiplier
      ? Float32Array.from({ length: outputs }, (_, i) => r.multiplier * (0.3 + (i % 7) * 0.4))
      : Float32Array.of(r.multiplier),
    yZeroPoint: r.yZeroPoint,
    // -1: a fused ReLU.
    clampMin: low < 0 ? r.yZeroPoint : low,
    clampMax: high,
  };
}

describe.each(int8Variants)('the same integers as the reference: %o', (variant) => {
  let backend: WasmBackend;
  beforeAll(async () => {
    backend = await createVariant(variant);
    expect(backend.info().dot).toBe(variant.emulated ?? variant.dot ?? backend.info().dot);
  }, 120_000);
  afterAll(() => backend.dispose?.());

  async function agrees(
    kernel: KernelName,
    inputs: Record<string, HostTensor>,
    y: HostTensor,
    attrs: object,
  ) {
    const expected = await run(referenceBackend, kernel, inputs, y, attrs);
    const found = await run(backend, kernel, inputs, y, attrs);
    expect(found).toEqual(expected);
  }

  it.each([
    { kernel: 'qlstmDynamic', gates: 4, planes: [2] },
    { kernel: 'qgruDynamic', gates: 3, planes: [] },
  ] as const)(
    '$kernel quantizes by the reference’s scale and zero point, whatever the range',
    async ({ kernel, gates, planes }) => {
      const hidden = 4;
      const weight = integers(1, 'int8', [gates * hidden, hidden], -128, 127);
      const float = (shape: number[], values: number[]): HostTensor => ({
        dtype: 'float32',
        shape,
        data: Float32Array.from(values),
      });
      const zeros = (...shape: number[]) => float(shape, Array(size(shape)).fill(0));
      const magnitude = fc.constantFrom(0, 1e-42, 1e-38, 1e-6, 0.004, 0.0155, 0.1, 1, 37, 1e30, 3.4e38);
      const ends = fc.tuple(magnitude, magnitude, fc.double({ min: 0, max: 1, noNaN: true }));
      await fc.assert(
        fc.asyncProperty(ends, fc.boolean(), async ([low, high, between], reduceRange) => {
          const h0 = float([1, hidden], [-low, high, high * between, -low * between]);
          // A step of h moves the gates by up to 1, where tanh and σ aren't flat.
          const weightScale = Float32Array.of(1 / 128 / Math.max(low, high, 1e-2));
          const attrs = { weightScale, weightZeroPoint: Int32Array.of(0), reduceRange };
          const c0: Record<string, HostTensor> = kernel === 'qlstmDynamic' ? { c0: zeros(1, hidden) } : {};
          const inputs = { x: zeros(1, 1, gates * hidden), weight, h0, ...c0 };
          const y = zeros(...planes, 1, 1, hidden);
          const expected = await run(referenceBackend, kernel, inputs, y, attrs);
          const found = await run(backend, kernel, inputs, y, attrs);
          (expected as Float32Array).forEach((v, i) => {
            // GRU's output holds a share of h itself.
            const within = kernel === 'qgruDynamic' ? 1e-6 * Math.max(1, 4 * Math.abs(h0.data[i])) : 1e-6;
            expect(Math.abs(found[i] - v) <= within || Object.is(found[i], v)).toBe(true);
          });
        }),
        { numRuns: 200 },
      );
    },
  );

  const convolution = (form: 'few groups' | 'narrow groups' | 'depthwise') =>
    fc.record({
      batch: small(3),
      image: pair(small(12)),
      // Of a group.
      channels: { 'few groups': small(9), 'narrow groups': small(17), depthwise: fc.constant(1) }[form],
      outputs: { 'few groups': small(19), 'narrow groups': small(9), depthwise: fc.constant(1) }[form],
      groups: {
        'few groups': fc.constantFrom(1, 1, 1, 2, 3),
        'narrow groups': small(12),
        // From 64 on threads may have ranges of channels.
        depthwise: fc.constantFrom(1, 3, 4, 6, 7, 8, 12, 16, 19, 24, 33, 64, 69, 100, 130),
      }[form],
      kernel: pair(fc.constantFrom(1, 1, 2, 3, 3, 4, 5, 7)),
      stride: pair(fc.constantFrom(1, 1, 2, 3)),
      padding: pair(small(3, 0)),
      dilation: pair(fc.constantFrom(1, 1, 2)),
      requantize,
    });

  const outSize = ({
    image,
    padding,
    dilation,
    kernel,
    stride,
  }: Readonly<Record<'image' | 'padding' | 'dilation' | 'kernel' | 'stride', [number, number]>>) =>
    [0, 1].map(
      (i) => Math.floor((image[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) / stride[i]) + 1,
    );

  const forms = ['few groups', 'narrow groups', 'depthwise'] as const;
  it.each(forms)('qconv2d: %s', { timeout: 60_000 }, async (form) => {
    await fc.assert(
      fc.asyncProperty(convolution(form), async (c) => {
        const { groups } = c;
        const inputs = c.channels * groups;
        const outputs = c.outputs * groups;
        const out = outSize(c);
        fc.pre(out[0] > 0 && out[1] > 0);
        const { seed, bias } = c.requantize;
        await agrees(
          'qconv2d',
          {
            x: activations(c.requantize, [c.batch, ...c.image, inputs]),
            weight: weights(c.requantize, [outputs, ...c.kernel, inputs / groups]),
            ...(bias ? { bias: integers(seed + 4, 'int32', [outputs], -bias, bias) } : {}),
          },
          integers(seed + 6, 'uint8', [c.batch, ...out, outputs], 0, 255),
          {
            stride: c.stride,
            padding: c.padding,
            dilation: c.dilation,
            groups,
            ...attributes(c.requantize, outputs),
          },
        );
      }),
      { numRuns: slow ? 60 : 200 },
    );
  });

  // By bytes their operands are two rows of two columns, which padding and the image's end cut through.
  it('qconv2d: depthwise at strides of 2, from every column', async () => {
    const kernels = [
      [1, 1],
      [2, 2],
      [3, 3],
      [5, 5],
      [7, 7],
      [3, 4],
      [5, 2],
    ] as const;
    for (const [k, kernel] of kernels.entries()) {
      for (let pad = 0; pad < 4; pad++) {
        for (const width of [1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 18]) {
          const [c] = fc.sample(requantize, { numRuns: 1, seed: 100 * width + 10 * pad + k });
          const channels = [5, 8, 19, 24][(width + k) % 4];
          const window = {
            stride: [2, 2] as [number, number],
            padding: [(pad + width) % 4, pad] as [number, number],
            dilation: [1, 1] as [number, number],
          };
          const image: [number, number] = [1 + ((width * 5 + pad) % 8), width];
          const out = outSize({ ...window, image, kernel: [...kernel] });
          if (out[0] <= 0 || out[1] <= 0) continue;
          await agrees(
            'qconv2d',
            {
              x: activations(c, [2, ...image, channels]),
              weight: weights(c, [channels, ...kernel, 1]),
              bias: integers(c.seed + 4, 'int32', [channels], -c.bias, c.bias),
            },
            integers(c.seed + 6, 'uint8', [2, ...out, channels], 0, 255),
            { ...window, groups: channels, ...attributes(c, channels) },
          );
        }
      }
    }
  });

  // Floats too: all of them round the same sums in the same order.
  it.each(forms)('qconv2dDynamic: %s', { timeout: 60_000 }, async (form) => {
    const dynamic = fc.record({
      convolution: convolution(form),
      reduceRange: fc.boolean(),
      middle: fc.constantFrom(0, 0, -1, 1),
      range: fc.constantFrom(0, 1e-6, 0.003, 1, 77, 1e6),
      perChannel: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(dynamic, async ({ convolution: c, reduceRange, middle, range, perChannel }) => {
        const { groups, stride, padding, dilation } = c;
        const outputs = c.outputs * groups;
        const out = outSize(c);
        fc.pre(out[0] > 0 && out[1] > 0);
        const { seed, bias } = c.requantize;
        await agrees(
          'qconv2dDynamic',
          {
            x: someFloats(seed, [c.batch, ...c.image, c.channels * groups], range, middle),
            weight: weights(c.requantize, [outputs, ...c.kernel, c.channels]),
            ...(bias ? { bias: someFloats(seed + 4, [outputs], 3, 0) } : {}),
          },
          someFloats(seed + 6, [c.batch, ...out, outputs], 1, 0),
          {
            ...{ stride, padding, dilation, groups, reduceRange },
            weightScale: Float32Array.from(
              { length: perChannel ? outputs : 1 },
              (_, i) => 0.0173 * (1 + (i % 5)),
            ),
            weightZeroPoint: attributes(c.requantize, outputs).weightZeroPoint,
          },
        );
      }),
      { numRuns: slow ? 60 : 200 },
    );
  });

  it('qlinear', { timeout: 60_000 }, async () => {
    // The longest: sums past 2^24, which float32 rounds.
    const k = fc.oneof(small(70), small(300), fc.integer({ min: 1000, max: 1400 }));
    const linear = fc.record({ m: small(40), k, n: small(40), requantize });
    await fc.assert(
      fc.asyncProperty(linear, async ({ m, k, n, requantize: r }) => {
        await agrees(
          'qlinear',
          {
            x: activations(r, [m, k]),
            weight: weights(r, [n, k]),
            ...(r.bias ? { bias: integers(r.seed + 4, 'int32', [n], -r.bias, r.bias) } : {}),
          },
          integers(r.seed + 6, 'uint8', [m, n], 0, 255),
          attributes(r, n),
        );
      }),
      { numRuns: slow ? 60 : 200 },
    );
  });

  // Floats too: all of them round the same sums in the same order.
  it('qlinearDynamic', { timeout: 60_000 }, async () => {
    const linear = fc.record({
      m: small(40),
      k: small(300),
      n: small(40),
      reduceRange: fc.boolean(),
      // Not 0: all of one sign.
      middle: fc.constantFrom(0, 0, -1, 1),
      range: fc.constantFrom(0, 1e-6, 0.003, 1, 77, 1e6),
      weightZeroPoint: fc.constantFrom(0, 0, -17),
      perChannel: fc.boolean(),
      bias: fc.boolean(),
      seed: fc.integer(),
    });
    await fc.assert(
      fc.asyncProperty(linear, async ({ m, k, n, seed, range, middle, ...c }) => {
        const channels = c.perChannel ? n : 1;
        await agrees(
          'qlinearDynamic',
          {
            x: someFloats(seed, [m, k], range, middle),
            weight: integers(seed + 2, 'int8', [n, k], -128, 127),
            ...(c.bias ? { bias: someFloats(seed + 4, [n], 3, 0) } : {}),
          },
          someFloats(seed + 6, [m, n], 1, 0),
          {
            weightScale: Float32Array.from({ length: channels }, (_, i) => 0.0173 * (1 + (i % 5))),
            weightZeroPoint: new Int32Array(channels).fill(c.weightZeroPoint),
            reduceRange: c.reduceRange,
          },
        );
      }),
      { numRuns: slow ? 60 : 200 },
    );
  });

  it('qadd', { timeout: 60_000 }, async () => {
    const ratio = fc.oneof(
      fc.double({ min: 1e-6, max: 4, noNaN: true }),
      fc.double({ min: 1e-4, max: 4e6, noNaN: true }),
    );
    const add = fc.record({
      n: small(100),
      ra: ratio,
      rb: ratio,
      zeros: fc.tuple(byte, byte, byte),
      seed: fc.integer(),
    });
    await fc.assert(
      fc.asyncProperty(add, async ({ n, ra, rb, zeros, seed }) => {
        const shift = Math.min(21 - Math.floor(Math.log2(Math.max(ra, rb))), 31);
        fc.pre(shift >= 0);
        await agrees(
          'qadd',
          { a: integers(seed, 'uint8', [n], 0, 255), b: integers(seed + 2, 'uint8', [n], 0, 255) },
          integers(seed + 4, 'uint8', [n], 0, 255),
          {
            aMultiplier: Math.round(ra * 2 ** shift),
            bMultiplier: Math.round(rb * 2 ** shift),
            shift,
            aZeroPoint: zeros[0],
            bZeroPoint: zeros[1],
            yZeroPoint: zeros[2],
            clampMin: 0,
            clampMax: 255,
          },
        );
      }),
      { numRuns: slow ? 60 : 300 },
    );
  });
});
