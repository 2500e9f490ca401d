import { ArgumentError, ModuleError, QuantizationError } from '@octet/backend';
import { Linear, ReLU, Sequential } from '@octet/nn';
import { manualSeed, noGrad, randn, tensor } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import { calibrate, convert, fuse, getDefaultQConfigMapping, prepare, QuantWrapper } from '../src';

function prepared() {
  manualSeed(1);
  const model = new QuantWrapper(new Sequential(new Linear(4, 6), new ReLU(), new Linear(6, 3))).eval();
  return prepare(fuse(model), getDefaultQConfigMapping());
}

function inputs() {
  manualSeed(2);
  return [randn([5, 4]), randn([5, 4]), randn([5, 4])];
}

describe('calibrate', () => {
  test('is the loop over the inputs', async () => {
    const [byHand, byFunction] = [prepared(), prepared()];
    for (const x of inputs()) noGrad(() => byHand.call(x));
    const seen: number[] = [];
    await calibrate(byFunction, inputs(), { onProgress: (n) => seen.push(n) });
    expect(seen).toEqual([1, 2, 3]);
    const x = inputs()[0];
    const [a, b] = [await convert(byHand), await convert(byFunction)];
    expect(await b.call(x).data()).toEqual(await a.call(x).data());
  });

  test('takes arrays of arguments, and inputs that come later', async () => {
    const model = prepared();
    async function* later() {
      for (const x of inputs()) yield [x];
    }
    await calibrate(model, later());
    await expect(convert(model)).resolves.toBeDefined();
  });

  test('ends with the reason of the signal, which can be aborted between two inputs', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const seen: number[] = [];
    const done = calibrate(prepared(), inputs(), {
      onProgress: (n) => seen.push(n),
      signal: controller.signal,
    });
    // As a click would: in a turn of its own.
    setTimeout(() => controller.abort(reason), 0);
    await expect(done).rejects.toBe(reason);
    expect(seen.length).toBeLessThan(3);
  });

  test('refuses no inputs, what has none, and an input with NaN', async () => {
    await expect(calibrate(prepared(), [])).rejects.toThrow(QuantizationError);
    await expect(calibrate(prepared(), 3 as never)).rejects.toThrow(ArgumentError);
    await expect(calibrate(3 as never, inputs())).rejects.toThrow(ModuleError);
    await expect(calibrate(prepared(), [tensor([[Number.NaN, 0, 0, 0]])])).rejects.toThrow(QuantizationError);
  });
});

describe('convert', () => {
  test('tells of its layers', async () => {
    const model = prepared();
    await calibrate(model, inputs());
    const told: unknown[] = [];
    await convert(model, { onProgress: (...at) => told.push(at) });
    expect(told.length).toBeGreaterThan(3);
    expect(told.map((at) => (at as number[])[0])).toEqual(told.map((_, i) => i));
    expect(told.at(-1)).toEqual([told.length - 1, told.length - 1, '']);
  });

  test('that was aborted changes nothing', async () => {
    const model = prepared();
    await calibrate(model, inputs());
    const before = String(model);
    const controller = new AbortController();
    const onProgress = (done: number) => done === 2 && controller.abort(new Error('enough'));
    const converted = convert(model, { inplace: true, onProgress, signal: controller.signal });
    await expect(converted).rejects.toThrow('enough');
    expect(String(model)).toBe(before);
  });
});
