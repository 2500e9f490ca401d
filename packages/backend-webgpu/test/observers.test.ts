import type { KernelName, StorageDType } from '@octet/backend';
import { checkCase } from '@octet/backend-testkit';
import type { KernelCase } from '@octet/backend-testkit/cases';
import { afterAll, beforeAll, describe, test } from 'vitest';
import type { WebgpuBackend } from '../src';
import { createTestBackend, noGpu } from './adapter';

/** Numbers between the bounds, always the same ones. */
function floats(length: number, min: number, max: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = Math.imul(state, 1664525) + 1013904223;
    return min + ((max - min) * (state >>> 0)) / 2 ** 32;
  });
}

const tensor = (data: Float32Array, shape: readonly number[] = [data.length]) => ({
  dtype: 'float32' as const,
  shape,
  data,
});
const output = (dtype: StorageDType, ...shape: number[]) => ({ dtype, shape });
const full = (length: number, value: number) => tensor(new Float32Array(length).fill(value));

const close = { atol: 1e-6, rtol: 1e-5 };
/** More elements than a workgroup goes over. */
const long = [3, 2, 5003];
const wide = tensor(floats(3 * 2 * 5003, -3, 5), long);

// What the cases of the testkit are too short for, or leave to a tolerance.
describe.skipIf(noGpu)('observers', () => {
  let backend: WebgpuBackend;
  beforeAll(async () => {
    backend = await createTestBackend();
  });
  afterAll(() => backend?.dispose());

  const check = <N extends KernelName>(kernel: N, kernelCase: KernelCase<N>) =>
    checkCase(backend, kernel, kernelCase as unknown as KernelCase);

  const ranges = 5000;
  const scales = floats(ranges, -20, 20).map((exponent) => 2 ** exponent);
  const bounds = {
    minVal: tensor(floats(ranges, -1, 0.2).map((v, i) => v * scales[i])),
    maxVal: tensor(floats(ranges, -0.2, 1).map((v, i) => v * scales[i])),
  };
  const qparams = { scale: output('float32', ranges), zeroPoint: output('int32', ranges) };
  const attrs = [true, false].flatMap((symmetric) => [
    { symmetric, quantMin: 0, quantMax: 255 },
    { symmetric, quantMin: -128, quantMax: 127 },
  ]);

  test.each(attrs)('choose the bits of the reference: %o', (given) =>
    check('chooseQparams', {
      name: 'random',
      inputs: bounds,
      outputs: qparams,
      attrs: given,
      tolerance: 'exact',
    }),
  );

  test.each(attrs)('calculate the bits of the reference: %o', (given) =>
    check('calculateQparams', {
      name: 'random',
      inputs: bounds,
      outputs: qparams,
      attrs: { ...given, symmetricZeroPoint: given.quantMin < 0 ? 0 : 128, eps: 2 ** -23 },
      tolerance: 'exact',
    }),
  );

  test('take ranges that are unset, NaN or too wide for a float', async () => {
    const minVal = tensor(Float32Array.of(Infinity, Number.NaN, 1, -3e38));
    const maxVal = tensor(Float32Array.of(-Infinity, 1, Number.NaN, 3e38));
    const outputs = { scale: output('float32', 4), zeroPoint: output('int32', 4) };
    for (const given of attrs) {
      await check('chooseQparams', {
        name: 'extreme',
        inputs: { minVal, maxVal },
        outputs,
        attrs: given,
        tolerance: 'exact',
      });
      await check('calculateQparams', {
        name: 'extreme',
        inputs: { minVal, maxVal },
        outputs,
        attrs: { ...given, symmetricZeroPoint: 0, eps: 2 ** -23 },
        tolerance: 'exact',
      });
    }
  });

  test.each([null, 0.01])('keep minima and maxima of long channels, averaging %s', (averagingConstant) =>
    check('observeMinMax', {
      name: 'long',
      inputs: { x: wide },
      outputs: { minVal: full(2, -1), maxVal: full(2, 1) },
      attrs: { averagingConstant },
      tolerance: 'exact',
    }),
  );

  test('keep infinities, and NaN wherever it is', async () => {
    const x = tensor(floats(3 * 2 * 5003, -1, 1), long);
    x.data[100] = Number.NaN;
    x.data[5003] = -Infinity;
    x.data[29_000] = Infinity;
    await check('observeMinMax', {
      name: 'special',
      inputs: { x },
      outputs: { minVal: full(2, Infinity), maxVal: full(2, -Infinity) },
      attrs: { averagingConstant: null },
      tolerance: 'exact',
    });
  });

  test('sum up the gradients of long channels', () =>
    check('learnableFakeQuantizeBackward', {
      name: 'long',
      inputs: {
        x: wide,
        scale: tensor(Float32Array.of(0.02, 0.05)),
        zeroPoint: tensor(Float32Array.of(3.5, 100)),
        gradY: tensor(floats(3 * 2 * 5003, -1, 1), long),
      },
      outputs: {
        gradX: output('float32', ...long),
        gradScale: output('float32', 2),
        gradZeroPoint: output('float32', 2),
      },
      attrs: { quantMin: 0, quantMax: 127, gradFactor: 0.01 },
      tolerance: { atol: 1e-3, rtol: 1e-4 },
    }));

  test('fake-quantize infinities and NaN', () =>
    check('fakeQuantize', {
      name: 'special',
      inputs: {
        x: tensor(Float32Array.of(Number.NaN, Infinity, -Infinity, 0.3, -0, 1e30, 0.25), [1, 1, 7]),
        scale: full(1, 0.1),
        zeroPoint: { dtype: 'int32', shape: [1], data: Int32Array.of(128) },
      },
      outputs: { y: output('float32', 1, 1, 7), mask: output('bool', 1, 1, 7) },
      attrs: { quantMin: 0, quantMax: 255 },
      tolerance: close,
    }));
});
