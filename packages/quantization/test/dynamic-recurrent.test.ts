import { GRU, GRUCell, LSTM, LSTMCell, type Module, RNN, RNNCell } from '@octet/nn';
import { manualSeed, noGrad, randn } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import { dynamic, quantizeDynamic } from '../src';

describe.each([
  { Float: LSTM, Int8: dynamic.LSTM, gates: 4, options: { numLayers: 1, batchFirst: true } },
  { Float: GRU, Int8: dynamic.GRU, gates: 3, options: { numLayers: 1, bias: false } },
  { Float: RNN, Int8: dynamic.RNN, gates: 1, options: { nonlinearity: 'relu' as const } },
  { Float: LSTMCell, Int8: dynamic.LSTMCell, gates: 4, options: { bias: false } },
  { Float: GRUCell, Int8: dynamic.GRUCell, gates: 3, options: {} },
  { Float: RNNCell, Int8: dynamic.RNNCell, gates: 1, options: { nonlinearity: 'relu' as const } },
])('dynamic.$Float.name', ({ Float, Int8, gates, options }) => {
  const made = () => {
    manualSeed(3);
    return new Float(5, 4, options) as unknown as Module;
  };

  test('has the options of the float module, and gives it back', async () => {
    const float = made().eval();
    const int8 = await quantizeDynamic(float);
    expect(int8).toBeInstanceOf(Int8);
    const back = (int8 as unknown as InstanceType<typeof Int8>).toFloat();
    expect(back.constructor).toBe(Float);
    expect(back.extraRepr()).toBe(float.extraRepr());
    expect(int8.extraRepr()).toBe(float.extraRepr());
  });

  test('counts its weights, one byte each, and its biases, four', async () => {
    const int8 = (await quantizeDynamic(made().eval())) as unknown as InstanceType<typeof Int8>;
    const [weights, biases] = [gates * 4 * (5 + 4), int8.hasBias ? 2 * gates * 4 : 0];
    expect(int8.parameterCount).toBe(weights + biases);
    expect(int8.parameterBytes).toBe(weights + 4 * biases);
  });

  test('reduceRange is an option of the constructor, and printed', async () => {
    expect(new Int8(5, 4, { ...options, reduceRange: true } as never).extraRepr()).toMatch(
      /reduceRange=true$/,
    );
    expect(() => new Int8(5, 4, { reduce: true } as never)).toThrow(
      new RegExp(`dynamic.${Float.name}: expected options of \\{ .*bias.*reduceRange \\}, found.*reduce`),
    );
  });

  test('a clone and a layer after loadStateDict compute with the weights that they have then', async () => {
    const int8 = await quantizeDynamic(made().eval());
    const x = randn(Float.name.endsWith('Cell') ? [2, 5] : [3, 2, 5]);
    const out = (m: Module) => noGrad(() => [m.call(x)].flat(2).map((t) => Array.from(t.dataSync())));
    const before = out(int8);
    const copy = int8.clone();
    expect(out(copy)).toEqual(before);
    manualSeed(4);
    const other = await quantizeDynamic(new Float(5, 4, options).eval() as unknown as Module);
    copy.loadStateDict(other.stateDict());
    expect(out(copy)).toEqual(out(other));
    expect(out(int8)).toEqual(before);
  });
});
