import { ArgumentError, addDispatchHook, type Backend, type KernelName, ShapeError } from '@octet/backend';
import { type HostBuffer, referenceBackend } from '@octet/backend-js-reference';
import { gradcheck, manualSeed, noGrad, randn, type Tensor, tensor, zeros } from '@octet/tensor';
import { describe, expect, expectTypeOf, test, vi } from 'vitest';
import { GRU, LSTM, type RNNLayer } from '../src';

const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));

/** One layer by the formula, number by number: all h. */
function oneLayer(gru: GRU, layer: RNNLayer, x: number[][][], h: number[][]): number[][][] {
  const H = gru.hiddenSize;
  const read = (t: Tensor | undefined) => (t ? t.dataSync() : new Float64Array(3 * H));
  const wi = read(gru[`weightIh${layer}`]);
  const wh = read(gru[`weightHh${layer}`]);
  const bi = read(gru[`biasIh${layer}`]);
  const bh = read(gru[`biasHh${layer}`]);
  const dot = (w: ArrayLike<number>, row: number, v: number[]) =>
    v.reduce((sum, value, i) => sum + w[row * v.length + i] * value, 0);
  return x.map((step) => {
    h = step.map((xn, n) => {
      const [before] = [h[n]];
      const fromX = (row: number) => dot(wi, row, xn) + bi[row];
      const fromH = (row: number) => dot(wh, row, before) + bh[row];
      return before.map((v, j) => {
        const r = sigmoid(fromX(j) + fromH(j));
        const z = sigmoid(fromX(H + j) + fromH(H + j));
        const candidate = Math.tanh(fromX(2 * H + j) + r * fromH(2 * H + j));
        return (1 - z) * candidate + z * v;
      });
    });
    return h;
  });
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

describe('GRU', () => {
  test('follows the formula, layer on layer, from a given state', () => {
    const gru = new GRU(3, 4, { numLayers: 2 });
    const x = randn([5, 2, 3]);
    const h0 = randn([2, 2, 4]);
    const [y, h] = gru.call(x, h0);
    const first = oneLayer(gru, 'L0', nested(x), nested(h0)[0]);
    const second = oneLayer(gru, 'L1', first, nested(h0)[1]);
    expect(y.shape).toEqual([5, 2, 4]);
    expectClose(y, second);
    expectClose(h, [first[4], second[4]]);
  });

  test('starts from zeros, without bias, batch first', () => {
    const gru = new GRU(3, 4, { bias: false, batchFirst: true });
    const x = randn([2, 5, 3]);
    const [y, h] = gru.call(x);
    expect(y.shape).toEqual([2, 5, 4]);
    const expected = oneLayer(gru, 'L0', nested(x.transpose(0, 1)), nested(zeros([1, 2, 4]))[0]);
    expectClose(y.transpose(0, 1), expected);
    expectClose(h, [expected[4]]);
  });

  test('in both directions: the second reads from the end, and the next layer both', () => {
    const gru = new GRU(3, 4, { numLayers: 2, bidirectional: true });
    const x = randn([5, 2, 3]);
    const h0 = randn([4, 2, 4]);
    const [y, h] = gru.call(x, h0);
    const start = nested(h0);
    const ends: number[][][] = [];
    const both = (k: number, input: number[][][]) => {
      const forth = oneLayer(gru, `L${k}`, input, start[2 * k]);
      const back = oneLayer(gru, `L${k}Reverse`, [...input].reverse(), start[2 * k + 1]);
      ends.push(forth[4], back[4]);
      const turned = [...back].reverse();
      return forth.map((step, t) => step.map((row, n) => [...row, ...turned[t][n]]));
    };
    const expected = both(1, both(0, nested(x)));
    expect(y.shape).toEqual([5, 2, 8]);
    expectClose(y, expected);
    expectClose(h, ends);
    expect(Object.keys(gru.stateDict()).filter((key) => key.endsWith('reverse'))).toEqual(
      ['l0', 'l1'].flatMap((layer) =>
        ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'].map((name) => `${name}_${layer}_reverse`),
      ),
    );
  });

  test('one kernel a layer; step by step on a backend without it, to the same numbers and gradients', () => {
    const gru = new GRU(3, 5, { numLayers: 2 });
    const x = randn([4, 2, 3]);
    const run = (backend: Backend) => {
      const model = gru.clone().to(backend);
      let got: Tensor[] = [];
      const kernels = kernelsOf(() => {
        const [y, h] = model.call(x.to(backend));
        y.mul(y).sum().add(h.sum()).backward();
        got = [y, h, ...model.parameters().map((p) => p.grad as Tensor)];
      });
      return { kernels, got };
    };
    const whole = run(referenceBackend);
    const steps = run(lacking('gru', 'gruBackward'));
    const count = (names: string[], name: string) => names.filter((k) => k === name).length;
    expect(count(whole.kernels, 'gru')).toBe(2);
    expect(count(whole.kernels, 'gruBackward')).toBe(2);
    expect(count(whole.kernels, 'sigmoid')).toBe(0);
    expect(count(steps.kernels, 'gru')).toBe(0);
    expect(count(steps.kernels, 'sigmoid')).toBe(2 * 4 * 2);
    whole.got.forEach((t, i) => {
      const want = steps.got[i].dataSync();
      expect(t.shape).toEqual(steps.got[i].shape);
      t.dataSync().forEach((v, at) => {
        expect(Math.abs(v - want[at])).toBeLessThan(1e-6 * Math.max(1, Math.abs(want[at])));
      });
    });
  });

  test('keeps the gates only for a gradient', () => {
    const gru = new GRU(2, 3);
    const outputs: string[][] = [];
    const remove = addDispatchHook((event, next) => {
      if (event.kernel === 'gru') outputs.push(Object.keys(event.outputs));
      next();
    });
    noGrad(() => gru.call(zeros([2, 1, 2])));
    gru.call(zeros([2, 1, 2]));
    remove();
    expect(outputs).toEqual([['y'], ['y', 'gates']]);
  });

  test.each([false, true])('learns through time, bidirectional: %s', (bidirectional) => {
    const gru = new GRU(2, 2, { numLayers: 2, bidirectional }).to('float64');
    const x = randn([3, 2, 2], { dtype: 'float64', requiresGrad: true });
    const h0 = randn([bidirectional ? 4 : 2, 2, 2], { dtype: 'float64', requiresGrad: true });
    const named = gru.namedParameters();
    const run = (x: Tensor, h0: Tensor, ...values: Tensor[]) => {
      Object.assign(gru, Object.fromEntries(named.map(([name], i) => [name, values[i]])));
      return [...gru.call(x, h0)];
    };
    gradcheck(run, [x, h0, ...gru.parameters()]);
  });

  test('a state dict goes to another', () => {
    const options = { numLayers: 2, bidirectional: true };
    const [from, to] = [new GRU(3, 4, options), new GRU(3, 4, options)];
    to.loadStateDict(from.stateDict());
    const x = randn([4, 1, 3]);
    expect(Array.from(to.call(x)[0].dataSync())).toEqual(Array.from(from.call(x)[0].dataSync()));
  });

  test('counts multiplications', () => {
    expect(new GRU(3, 5, { numLayers: 2 }).macs([7, 2, 3])).toBe(7 * 2 * 15 * (3 + 5 + 5 + 5));
    expect(new GRU(3, 5, { numLayers: 2, bidirectional: true }).macs([7, 2, 3])).toBe(
      7 * 2 * 2 * 15 * (3 + 5 + 10 + 5),
    );
  });

  test('checks arguments, input and state', () => {
    const gru = new GRU(3, 4);
    expect(String(new GRU(3, 4, { numLayers: 2, dropout: 0.5, bidirectional: true }))).toBe(
      'GRU(3, 4, numLayers=2, dropout=0.5, bidirectional=true)',
    );
    expect(() => new GRU(3, 4, { dropout: 2 })).toThrow(ArgumentError);
    expect(() => gru.call(zeros([5, 3]))).toThrow(ShapeError);
    expect(() => gru.call(zeros([0, 2, 3]))).toThrow(/expected a step or more of 3 features/);
    expect(() => gru.call(zeros([5, 2, 3]), zeros([1, 3, 4]))).toThrow(/h of shape \[1, 2, 4\]/);
    expect(() => gru.call(zeros([5, 2, 3]), [zeros([1, 2, 4])] as never)).toThrow(/GRU/);
    expect(() => new LSTM(3, 4).call(zeros([5, 2, 3]), zeros([1, 2, 4]) as never)).toThrow(
      /expected a state of the tensors h and c/,
    );
  });

  test('has types for all that', () => {
    expectTypeOf(new GRU(1, 1).call).returns.toEqualTypeOf<[y: Tensor, state: Tensor]>();
    expectTypeOf(new GRU(1, 1).call).parameters.toEqualTypeOf<[x: Tensor, state?: Tensor]>();
  });
});

describe('between layers', () => {
  test.each([GRU, LSTM])('dropout is for training only, and not after the last: %o', (Layer) => {
    const make = (dropout: number, numLayers: number) => new Layer(2, 40, { dropout, numLayers });
    const x = randn([3, 4, 2]);
    const all = make(1, 2);
    const [y] = all.call(x);
    // The second layer saw zeros: its output is the same for every sequence.
    const rows = nested(y)[2];
    for (const row of rows) expect(row).toEqual(rows[0]);
    expect(rows[0].every((v) => v !== 0)).toBe(true);
    all.eval();
    const plain = make(0, 2);
    plain.loadStateDict(all.stateDict());
    expect(Array.from(all.call(x)[0].dataSync())).toEqual(Array.from(plain.call(x)[0].dataSync()));
  });

  test('dropout with one layer is said to do nothing', () => {
    const said = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    new GRU(2, 3, { dropout: 0.5 });
    expect(said).toHaveBeenCalledWith(expect.stringContaining('GRU: dropout is between layers'));
    said.mockRestore();
  });

  test('an LSTM reads in both directions', () => {
    manualSeed(1);
    const both = new LSTM(3, 4, { bidirectional: true });
    const x = randn([5, 2, 3]);
    const [y, [h, c]] = both.call(x);
    const alone = (suffix: '' | 'Reverse', from: Tensor) => {
      const one = new LSTM(3, 4);
      for (const name of ['weightIh', 'weightHh', 'biasIh', 'biasHh'] as const) {
        noGrad(() => one[`${name}L0`]?.copy_(both[`${name}L0${suffix}`] as Tensor));
      }
      return one.call(from);
    };
    const turned = (t: Tensor) => [...nested(t)].reverse();
    const flipped = tensor(turned(x));
    const [forth, back] = [alone('', x), alone('Reverse', flipped)];
    const expected = nested(forth[0]).map((step, t) =>
      step.map((row, n) => [...row, ...turned(back[0])[t][n]]),
    );
    expectClose(y, expected);
    expectClose(h, [nested(forth[1][0])[0], nested(back[1][0])[0]]);
    expectClose(c, [nested(forth[1][1])[0], nested(back[1][1])[0]]);
  });
});
