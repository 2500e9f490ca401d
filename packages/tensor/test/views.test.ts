import { at, build, type NdArray, size } from '@octet/backend-testkit/oracle';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cat, grad, stack, type Tensor, tensor } from '../src';
import { arrayOf, layout, shape } from './support/arbitraries';
import { f64, list, tensorOf } from './support/layouts';

/** One step of a chain: how the tensor and its oracle take it. */
interface Step {
  readonly name: string;
  tensor(t: Tensor): Tensor;
  naive(x: NdArray): NdArray;
}

function permute(rank: number): fc.Arbitrary<Step> {
  return fc
    .shuffledSubarray(
      Array.from({ length: rank }, (_, i) => i),
      { minLength: rank },
    )
    .map((dims) => ({
      name: `permute ${dims}`,
      tensor: (t) => t.permute(dims),
      naive: (x) =>
        build(
          dims.map((d) => x.shape[d]),
          (i) =>
            at(
              x,
              dims.map((_, d) => i[dims.indexOf(d)]),
            ),
        ),
    }));
}

function slice(now: readonly number[]): fc.Arbitrary<Step> {
  const position = fc.option(fc.integer({ min: -6, max: 6 }), { nil: undefined });
  return fc
    .record({
      dim: fc.nat(now.length - 1),
      start: position,
      end: position,
      step: fc.integer({ min: 1, max: 3 }),
    })
    .map(({ dim, start, end, step }) => ({
      name: `slice ${dim} ${start}:${end}:${step}`,
      tensor: (t) => t.slice(dim - now.length, start, end, step),
      naive: (x) => {
        const kept = Array.from({ length: x.shape[dim] }, (_, i) => i)
          .slice(start, end)
          .filter((_, i) => i % step === 0);
        return build(
          x.shape.map((d, i) => (i === dim ? kept.length : d)),
          (i) =>
            at(
              x,
              i.map((v, d) => (d === dim ? kept[v] : v)),
            ),
        );
      },
    }));
}

function select(now: readonly number[]): fc.Arbitrary<Step> {
  return fc
    .nat(now.length - 1)
    .chain((dim) => fc.record({ dim: fc.constant(dim), index: fc.nat(now[dim] - 1) }))
    .map(({ dim, index }) => ({
      name: `select ${dim} ${index}`,
      tensor: (t) => t.select(dim, index - now[dim]),
      naive: (x) =>
        build(
          x.shape.filter((_, d) => d !== dim),
          (i) => at(x, [...i.slice(0, dim), index, ...i.slice(dim)]),
        ),
    }));
}

function unsqueeze(rank: number): fc.Arbitrary<Step> {
  return fc.nat(rank).map((dim) => ({
    name: `unsqueeze ${dim}`,
    tensor: (t) => t.unsqueeze(dim),
    naive: (x) => ({ shape: [...x.shape.slice(0, dim), 1, ...x.shape.slice(dim)], data: x.data }),
  }));
}

function reshaped(name: string, target: number[], tensorStep: (t: Tensor) => Tensor): fc.Arbitrary<Step> {
  return fc.constant({ name, tensor: tensorStep, naive: (x) => ({ shape: target, data: x.data }) });
}

function expand(now: readonly number[]): fc.Arbitrary<Step> {
  const target = [2, ...now.map((d) => (d === 1 ? 3 : d))];
  return fc.constant({
    name: `expand ${target}`,
    tensor: (t) => t.expand([2, ...now.map((d) => (d === 1 ? 3 : -1))]),
    naive: (x) =>
      build(target, (i) =>
        at(
          x,
          i.slice(1).map((v, d) => (now[d] === 1 ? 0 : v)),
        ),
      ),
  });
}

/** Any step that a tensor of this shape can take. */
function step(now: readonly number[]): fc.Arbitrary<Step> {
  const rank = now.length;
  const n = size(now);
  const options = [unsqueeze(rank), reshaped('flatten', [n], (t) => t.flatten())];
  if (n <= 200) options.push(expand(now));
  if (rank > 0) options.push(permute(rank), slice(now));
  if (rank > 1) {
    const merged = [now[0] * now[1], ...now.slice(2)];
    options.push(
      reshaped(`reshape ${merged}`, merged, (t) => t.reshape(n > 0 ? [-1, ...now.slice(2)] : merged)),
    );
  }
  if (n > 0 && rank > 0) options.push(select(now));
  for (const d of [2, 3]) {
    if (n > 0 && n % d === 0)
      options.push(reshaped(`reshape ${d}`, [d, n / d], (t) => t.reshape([d, n / d])));
  }
  const squeezed = now.filter((d) => d !== 1);
  options.push(reshaped('squeeze', squeezed, (t) => t.squeeze()));
  return fc.oneof(...options);
}

/** Up to six steps; each depends on the shape that those before leave. */
function chain(x: NdArray, depth = 6): fc.Arbitrary<Step[]> {
  const stop = fc.constant<Step[]>([]);
  if (depth === 0) return stop;
  return fc.oneof(
    { arbitrary: stop, weight: 1 },
    {
      arbitrary: step(x.shape).chain((first) =>
        chain(first.naive(x), depth - 1).map((rest) => [first, ...rest]),
      ),
      weight: 4,
    },
  );
}

const chains = shape({ min: 0 })
  .chain(arrayOf)
  .chain((x) => fc.record({ x: fc.constant(x), steps: chain(x), layout }));

describe('chains of views', () => {
  test('show the elements that index arithmetic finds', () => {
    fc.assert(
      fc.property(chains, ({ x, steps, layout }) => {
        const t = steps.reduce((v, s) => s.tensor(v), layout(tensorOf(x)));
        const want = steps.reduce((v, s) => s.naive(v), x);
        expect(t.shape).toEqual(want.shape);
        expect(list(t)).toEqual(want.data);
      }),
      { numRuns: 400 },
    );
  });

  test('send each gradient back to where its element came from', () => {
    fc.assert(
      fc.property(chains, ({ x, steps, layout }) => {
        const leaf = layout(tensorOf(x));
        leaf.requiresGrad = true;
        const t = steps.reduce((v, s) => s.tensor(v), leaf);
        const from = steps.reduce<NdArray>((v, s) => s.naive(v), {
          shape: x.shape,
          data: x.data.map((_, i) => i),
        });
        const gradient = from.data.map((_, i) => i + 1);
        const want = x.data.map(() => 0);
        from.data.forEach((i, j) => {
          want[i] += gradient[j];
        });
        const [g] = grad(t, [leaf], { gradOutputs: [f64(gradient, t.shape)] }) as Tensor[];
        expect(g.shape).toEqual(x.shape);
        expect(list(g)).toEqual(want);
      }),
      { numRuns: 400 },
    );
  });
});

describe('cat', () => {
  const parts = shape({ min: 0 })
    .filter((s) => s.length > 0)
    .chain((s) => fc.record({ x: arrayOf(s), dim: fc.nat(s.length - 1), layout }))
    .chain(({ x, dim, layout }) =>
      fc.record({
        x: fc.constant(x),
        dim: fc.constant(dim),
        layout: fc.constant(layout),
        cuts: fc
          .array(fc.nat(x.shape[dim]), { maxLength: 3 })
          .map((c) => [0, ...c.sort((a, b) => a - b), x.shape[dim]]),
      }),
    );

  test('undoes slices', () => {
    fc.assert(
      fc.property(parts, ({ x, dim, layout, cuts }) => {
        const t = layout(tensorOf(x));
        const slices = cuts.slice(1).map((end, i) => t.slice(dim, cuts[i], end));
        const y = cat(slices, dim - x.shape.length);
        expect(y.shape).toEqual(x.shape);
        expect(list(y)).toEqual(x.data);
      }),
    );
  });

  test('keeps the memory format of images', () => {
    const x = tensor(
      Float32Array.from({ length: 24 }, (_, i) => i),
      [1, 2, 3, 4],
    ).contiguous({ memoryFormat: 'channelsLast' });
    expect(cat([x, x], 1).isContiguous('channelsLast')).toBe(true);
    expect(list(cat([x, x], 1))).toEqual([...list(x), ...list(x)]);
  });

  test('of int8 and other dtypes', () => {
    expect(list(cat([tensor(Int8Array.of(1, -2)), tensor(Int8Array.of(3))]))).toEqual([1, -2, 3]);
    const q = tensor([0.1, 0.2]).quantizePerTensor(0.1, 5, 'quint8');
    const y = cat([q, q]);
    expect(y.qparams).toEqual(q.qparams);
    expect(list(y)).toEqual([6, 7, 6, 7]);
    const other = tensor([0.1, 0.2]).quantizePerTensor(0.2, 5, 'quint8');
    expect(() => cat([q, other])).toThrow(/one scale and zero point throughout.*FloatFunctional/);
  });
});

test('stack makes a new dim anywhere', () => {
  const a = tensor([[1, 2]]);
  const b = tensor([[3, 4]]);
  expect(stack([a, b]).shape).toEqual([2, 1, 2]);
  expect(list(stack([a, b], -1))).toEqual([1, 3, 2, 4]);
});

test('chunk cuts into even parts, the last one smaller', () => {
  const parts = tensor([1, 2, 3, 4, 5]).chunk(3);
  expect(parts.map(list)).toEqual([[1, 2], [3, 4], [5]]);
  expect(tensor([1, 2, 3]).chunk(5)).toHaveLength(3);
});

describe('pad', () => {
  test('in the order of PyTorch: the last dim first', () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(list(x.pad([1, 0], 9))).toEqual([9, 1, 2, 9, 3, 4]);
    expect(list(x.pad([0, 0, 0, 1], 9))).toEqual([1, 2, 3, 4, 9, 9]);
    expect(list(x.pad([-1, 1, 0, -1], 9))).toEqual([2, 9]);
  });

  test('of a quantized tensor with the integer of the value', () => {
    const q = tensor([0.5]).quantizePerTensor(0.1, 10, 'quint8').pad([1, 1], 0.2);
    expect(list(q)).toEqual([12, 15, 12]);
  });
});

describe('copy_ and fill_', () => {
  test('touch the elements of a view and no others', () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    x.slice(1, 1, 2).fill_(0);
    expect(list(x)).toEqual([1, 0, 3, 4, 0, 6]);
    x.select(0, 1).copy_(tensor([7, 8, 9]));
    expect(list(x)).toEqual([1, 0, 3, 7, 8, 9]);
    x.transpose(0, 1)
      .slice(0, 0, 2)
      .copy_(
        tensor([
          [1, 2],
          [3, 4],
        ]),
      );
    expect(list(x)).toEqual([1, 3, 3, 2, 4, 9]);
  });

  test('copy between overlapping parts of one tensor', () => {
    const x = tensor([1, 2, 3, 4]);
    x.slice(0, 1).copy_(x.slice(0, 0, 3));
    expect(list(x)).toEqual([1, 1, 2, 3]);
  });

  test('convert the dtype of the source', () => {
    const x = tensor(Int32Array.of(0, 0));
    expect(list(x.copy_(tensor([1.9, -1.9])))).toEqual([1, -1]);
  });
});

describe('contiguous', () => {
  const x = tensor(
    Float32Array.from({ length: 12 }, (_, i) => i),
    [1, 3, 2, 2],
  );

  test('is the tensor itself where it lies so already', () => {
    expect(x.contiguous()).toBe(x);
    const y = x.contiguous({ memoryFormat: 'channelsLast' });
    expect(y.isContiguous('channelsLast')).toBe(true);
    expect(y.contiguous({ memoryFormat: 'channelsLast' })).toBe(y);
    expect(list(y)).toEqual(list(x));
    // Rows of a larger tensor lie as they should, if not from the start.
    const rows = x.reshape([3, 4]).slice(0, 1);
    expect(rows.contiguous()).toBe(rows);
  });

  test('channelsLast is for images', () => {
    expect(() => tensor([1, 2]).contiguous({ memoryFormat: 'channelsLast' })).toThrow(/4 dimensions/);
  });
});

test('reshape is a view where memory allows it', () => {
  const x = tensor(
    Float32Array.from({ length: 24 }, (_, i) => i),
    [2, 3, 4],
  );
  expect(x.reshape([6, 4]).storage).toBe(x.storage);
  expect(x.slice(2, 0, 2).reshape([6, 2]).storage).toBe(x.storage);
  expect(x.slice(1, 0, 2).reshape([4, 4]).storage).not.toBe(x.storage);
  expect(x.transpose(0, 1).reshape([6, 4]).storage).not.toBe(x.storage);
});
