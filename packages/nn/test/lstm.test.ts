import { addDispatchHook, type Backend, type KernelName, ShapeError } from '@octet/backend';
import { type HostBuffer, referenceBackend } from '@octet/backend-js-reference';
import { gradcheck, noGrad, randn, type Tensor, zeros } from '@octet/tensor';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { LSTM, type LSTMState } from '../src';

const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));

/** One layer by the formula, number by number: all of y, and the last h and c. */
function oneLayer(lstm: LSTM, k: number, x: number[][][], h: number[][], c: number[][]) {
  const H = lstm.hiddenSize;
  const read = (t: Tensor | undefined) => (t ? t.dataSync() : new Float64Array(4 * H));
  const wi = read(lstm[`weightIhL${k}`]);
  const wh = read(lstm[`weightHhL${k}`]);
  const bi = read(lstm[`biasIhL${k}`]);
  const bh = read(lstm[`biasHhL${k}`]);
  const dot = (w: ArrayLike<number>, row: number, v: number[]) =>
    v.reduce((sum, value, i) => sum + w[row * v.length + i] * value, 0);
  const y = x.map((step) => {
    [h, c] = step.reduce<[number[][], number[][]]>(
      ([hs, cs], xn, n) => {
        const gate = (r: number) => dot(wi, r, xn) + bi[r] + dot(wh, r, h[n]) + bh[r];
        const cn = c[n].map(
          (v, j) => sigmoid(gate(H + j)) * v + sigmoid(gate(j)) * Math.tanh(gate(2 * H + j)),
        );
        return [
          [...hs, cn.map((v, j) => sigmoid(gate(3 * H + j)) * Math.tanh(v))],
          [...cs, cn],
        ];
      },
      [[], []],
    );
    return h;
  });
  return { y, h, c };
}

function nested(t: Tensor): number[][][] {
  const [a, b, c] = t.shape;
  const data = t.dataSync();
  return Array.from({ length: a }, (_, i) =>
    Array.from({ length: b }, (_, j) => Array.from(data.subarray((i * b + j) * c, (i * b + j + 1) * c))),
  );
}

function expectClose(got: Tensor, expected: number[][][]) {
  const flat = expected.flat(2);
  expect(got.numel).toBe(flat.length);
  got.dataSync().forEach((v, i) => {
    expect(v).toBeCloseTo(flat[i], 5);
  });
}

describe('LSTM', () => {
  test('follows the formula, layer on layer, from a given state', () => {
    const lstm = new LSTM(3, 4, { numLayers: 2 });
    const x = randn([5, 2, 3]);
    const state: LSTMState = [randn([2, 2, 4]), randn([2, 2, 4])];
    const [y, [h, c]] = lstm.call(x, state);
    const [h0, c0] = state.map(nested);
    const first = oneLayer(lstm, 0, nested(x), h0[0], c0[0]);
    const second = oneLayer(lstm, 1, first.y, h0[1], c0[1]);
    expect(y.shape).toEqual([5, 2, 4]);
    expectClose(y, second.y);
    expectClose(h, [first.h, second.h]);
    expectClose(c, [first.c, second.c]);
  });

  test('starts from zeros, without bias, batch first', () => {
    const lstm = new LSTM(3, 4, { bias: false, batchFirst: true });
    const x = randn([2, 5, 3]);
    const [y, [h]] = lstm.call(x);
    const none = [zeros([1, 2, 4]), zeros([1, 2, 4])].map((t) => nested(t)[0]);
    expect(y.shape).toEqual([2, 5, 4]);
    expectClose(y.transpose(0, 1), oneLayer(lstm, 0, nested(x.transpose(0, 1)), none[0], none[1]).y);
    expectClose(h, [nested(y).map((steps) => steps[4])]);
  });

  /** The reference without some kernels. */
  function lacking(...names: KernelName[]): Backend<HostBuffer> {
    const kernels = { ...referenceBackend.kernels };
    for (const name of names) delete (kernels as Partial<typeof kernels>)[name];
    return { ...referenceBackend, name: 'lacking', kernels };
  }

  function kernelsOf(run: () => void): string[] {
    const seen: string[] = [];
    const remove = addDispatchHook(({ kernel }, next) => {
      seen.push(kernel);
      next();
    });
    run();
    remove();
    return seen;
  }

  test('one kernel a layer; step by step on a backend without it, to the same numbers and gradients', () => {
    const lstm = new LSTM(3, 5, { numLayers: 2 });
    const x = randn([4, 2, 3]);
    const run = (backend: Backend) => {
      const model = lstm.clone().to(backend);
      let got: Tensor[] = [];
      const kernels = kernelsOf(() => {
        const [y, [h, c]] = model.call(x.to(backend));
        y.mul(y).sum().add(c.sum()).backward();
        got = [y, h, c, ...model.parameters().map((p) => p.grad as Tensor)];
      });
      return { kernels, got };
    };
    const whole = run(referenceBackend);
    const steps = run(lacking('lstm', 'lstmBackward'));
    const count = (names: string[], name: string) => names.filter((k) => k === name).length;
    expect(count(whole.kernels, 'lstm')).toBe(2);
    expect(count(whole.kernels, 'lstmBackward')).toBe(2);
    expect(count(whole.kernels, 'sigmoid')).toBe(0);
    expect(count(steps.kernels, 'lstm')).toBe(0);
    expect(count(steps.kernels, 'sigmoid')).toBe(2 * 4 * 3);
    whole.got.forEach((t, i) => {
      const want = steps.got[i].dataSync();
      expect(t.shape).toEqual(steps.got[i].shape);
      t.dataSync().forEach((v, at) => {
        expect(Math.abs(v - want[at])).toBeLessThan(1e-6 * Math.max(1, Math.abs(want[at])));
      });
    });
  });

  test('keeps the gates only for a gradient', () => {
    const lstm = new LSTM(2, 3);
    const outputs: string[][] = [];
    const remove = addDispatchHook((event, next) => {
      if (event.kernel === 'lstm') outputs.push(Object.keys(event.outputs));
      next();
    });
    noGrad(() => lstm.call(zeros([2, 1, 2])));
    lstm.call(zeros([2, 1, 2]));
    remove();
    expect(outputs).toEqual([['y'], ['y', 'gates']]);
  });

  test('learns through time', () => {
    const lstm = new LSTM(2, 2, { numLayers: 2 }).to('float64');
    const x = randn([3, 2, 2], { dtype: 'float64', requiresGrad: true });
    const named = lstm.namedParameters();
    const run = (x: Tensor, ...values: Tensor[]) => {
      Object.assign(lstm, Object.fromEntries(named.map(([name], i) => [name, values[i]])));
      const [y, [, c]] = lstm.call(x);
      return [y, c];
    };
    gradcheck(run, [x, ...lstm.parameters()]);
  });

  test('checks input and state', () => {
    const lstm = new LSTM(3, 4);
    expect(() => lstm.call(zeros([5, 3]))).toThrow(ShapeError);
    expect(() => lstm.call(zeros([0, 2, 3]))).toThrow(/expected a step or more of 3 features/);
    expect(() => lstm.call(zeros([5, 2, 4]))).toThrow(ShapeError);
    expect(() => lstm.call(zeros([5, 2, 3]), [zeros([1, 3, 4]), zeros([1, 2, 4])])).toThrow(ShapeError);
  });

  test('has types for all that', () => {
    expectTypeOf(new LSTM(1, 1).call).returns.toEqualTypeOf<[y: Tensor, state: LSTMState]>();
    expectTypeOf(new LSTM(1, 1).call).parameters.toEqualTypeOf<[x: Tensor, state?: LSTMState]>();
  });
});
