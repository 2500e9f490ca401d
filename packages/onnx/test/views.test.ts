import { Module } from '@octet/nn';
import { cat, Generator, manualSeed, matmul, ones, randn, type Tensor, zeros } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import { exportOnnx, OnnxExportError } from '../src';
import { compareTo, ort, parse } from './engine';

beforeEach(() => void manualSeed(3));

class Views extends Module<[Tensor], Tensor[]> {
  constructor(private readonly f: (x: Tensor) => Tensor | Tensor[]) {
    super();
    this.eval();
  }

  forward(x: Tensor): Tensor[] {
    return [this.f(x)].flat();
  }
}

const nodes = async (f: (x: Tensor) => Tensor | Tensor[], shape: number[]) => {
  const model = new Views(f);
  const x = randn(shape);
  const bytes = await exportOnnx(model, x);
  if (ort)
    for (const { difference } of await compareTo(bytes, model, [x])) expect(difference).toBeLessThan(1e-5);
  return parse(bytes).graph.node.map((n) => n.opType);
};

describe('views become the nodes they need, and no more', () => {
  const channelsLast = (x: Tensor) => x.contiguous({ memoryFormat: 'channelsLast' });
  const cases: Record<string, [(x: Tensor) => Tensor | Tensor[], number[], string[]]> = {
    'memory formats': [(x) => channelsLast(x).contiguous().abs(), [2, 3, 4, 5], ['Abs']],
    'flatten of channels last': [(x) => channelsLast(x).flatten(1), [2, 3, 4, 5], ['Reshape']],
    permute: [(x) => x.permute([0, 2, 3, 1]), [2, 3, 4, 5], ['Transpose']],
    'permute, there and back': [(x) => x.permute([2, 0, 1]).permute([1, 2, 0]).abs(), [2, 3, 4], ['Abs']],
    'transpose of a dim of one': [(x) => x.transpose(0, 1), [1, 3, 4], ['Reshape']],
    squeeze: [(x) => x.squeeze(1), [2, 1, 3], ['Reshape']],
    unsqueeze: [(x) => x.unsqueeze(-1), [2, 3], ['Reshape']],
    slice: [(x) => x.slice(1, 1, 3), [2, 4, 3], ['Slice']],
    'slice with a step': [(x) => x.slice(1, 1, undefined, 3), [2, 9, 3], ['Slice']],
    'slices of two dims': [(x) => x.slice(2, 1, 3).slice(0, 1), [3, 4, 5], ['Slice']],
    select: [(x) => x.select(1, 2), [2, 4, 3], ['Slice', 'Reshape']],
    chunks: [(x) => x.chunk(3, 1), [2, 7, 2], ['Slice', 'Slice', 'Slice']],
    expand: [(x) => x.expand([3, 2, 4]), [2, 1], ['Reshape', 'Expand']],
    'expand in a sum': [(x) => x.expand([3, 4]).add(ones([3, 4])), [1, 4], ['Add']],
    'expand that a sum needs': [(x) => x.expand([3, 4]).add(x), [1, 4], ['Expand', 'Add']],
    'heads of attention': [
      (x) => x.reshape([2, 5, 3, 4]).permute([0, 2, 1, 3]),
      [2, 5, 12],
      ['Reshape', 'Transpose'],
    ],
    'queries, keys and values in one': [
      (x) => {
        const [q, k, v] = [0, 1, 2].map((i) =>
          x.reshape([2, 5, 3, 2, 4]).permute([2, 0, 3, 1, 4]).select(0, i),
        );
        return matmul(matmul(q, k.transpose(2, 3)), v);
      },
      [2, 5, 24],
      ['Reshape', 'Slice', 'Transpose', 'Reshape'],
    ],
    'shuffled channels': [
      (x) => channelsLast(x).reshape([1, 2, 3, 4, 4]).transpose(1, 2).reshape([1, 6, 4, 4]),
      [1, 6, 4, 4],
      ['Reshape', 'Transpose', 'Reshape'],
    ],
    'a part of the channels, split': [
      (x) => x.slice(1, 0, 8).reshape([1, 4, 2, 5]).transpose(1, 2),
      [1, 9, 5],
      ['Slice', 'Reshape', 'Transpose'],
    ],
    'a part from the second on, split, in rows of channels': [
      (x) =>
        x
          .contiguous({ memoryFormat: 'channelsLast' })
          .slice(1, 1, 9)
          .permute([0, 2, 3, 1])
          .reshape([2, 3, 4, 2, 4])
          .transpose(3, 4),
      [2, 9, 3, 4],
      ['Slice', 'Reshape', 'Transpose'],
    ],
    'space to depth': [
      (x) => cat([x.slice(2, 0, undefined, 2), x.slice(2, 1, undefined, 2)], 1),
      [1, 2, 6, 3],
      ['Slice', 'Slice', 'Concat'],
    ],
  };
  for (const [name, [f, shape, expected]] of Object.entries(cases)) {
    test(name, async () => {
      const found = await nodes(f, shape);
      // Attention goes on after its first operand.
      if (name.startsWith('queries')) expect(found.slice(0, 4)).toEqual(expected);
      else expect(found).toEqual(expected);
    });
  }

  test('any chain of them', async () => {
    const g = new Generator(1);
    const int = (n: number) => Math.floor(g.uniform() * n);
    const step = (x: Tensor): Tensor => {
      const d = int(x.dim);
      switch (int(8)) {
        case 0:
          return x.dim > 1 ? x.flatten(Math.min(d, x.dim - 2), Math.min(d, x.dim - 2) + 1) : x.unsqueeze(0);
        case 1:
          return x.transpose(d, int(x.dim));
        case 2:
          return x.slice(d, int(x.shape[d]));
        case 3:
          return x.slice(d, 0, 1 + int(x.shape[d]), 1 + int(2));
        case 4:
          return x.dim > 1 ? x.select(d, int(x.shape[d])) : x;
        case 5:
          return x.dim < 5 ? x.unsqueeze(int(x.dim + 1)) : x;
        case 6:
          return x.shape[d] === 1 ? x.expand(x.shape.map((n, i) => (i === d ? 3 : n))) : x;
        default:
          return x.shape[d] % 2 === 0 && x.dim < 5
            ? x.reshape([...x.shape.slice(0, d), 2, x.shape[d] / 2, ...x.shape.slice(d + 1)])
            : x.contiguous();
      }
    };
    let refused = 0;
    for (let i = 0; i < 300; i++) {
      const seed = [...Array(1 + int(6))].map(() => g.next());
      const f = (x: Tensor) =>
        seed.reduce((t, s) => {
          g.manualSeed(s);
          return step(t);
        }, x);
      try {
        await nodes((x) => f(x).abs(), [2, 4, 6]);
      } catch (error) {
        expect(error).toBeInstanceOf(OnnxExportError);
        refused++;
      }
      g.manualSeed(i + 1000);
    }
    expect(refused).toBeLessThan(6);
  });

  test('a view that no nodes make is refused by name', async () => {
    // Every second element across rows of an odd length.
    const odd = (x: Tensor) => x.reshape([21]).slice(0, 0, undefined, 2);
    await expect(nodes(odd, [3, 7])).rejects.toThrow(/shape \[11\], strides \[2\].*Put a contiguous/);
  });
});

describe('tensors written piece by piece', () => {
  test('a part of zeros becomes Pad, more parts are refused', async () => {
    const padded = (x: Tensor) => {
      const whole = zeros([4, 5]);
      whole.slice(0, 1, 3).slice(1, 2).copy_(x);
      return whole.abs();
    };
    expect(await nodes(padded, [2, 3])).toEqual(['Pad', 'Abs']);
    const scattered = (x: Tensor) => {
      const whole = zeros([4, 5]);
      whole.slice(0, 1, 3).slice(1, 2).copy_(x);
      whole.slice(0, 0, 2).slice(1, 0, 3).copy_(x);
      return whole.abs();
    };
    await expect(nodes(scattered, [2, 3])).rejects.toThrow(/2 parts assigned into one of shape \[4, 5\]/);
  });

  test('a part of a result is refused', async () => {
    const f = (x: Tensor) => {
      const y = x.abs();
      y.select(0, 0).copy_(x.select(0, 1));
      return y;
    };
    await expect(nodes(f, [2, 3])).rejects.toThrow(/overwritten after it was computed/);
  });

  test('a constant that changes after it was used is refused', async () => {
    const state = zeros([2]);
    const f = (x: Tensor) => {
      const y = x.add(state);
      state.copy_(y);
      return y;
    };
    await expect(nodes(f, [2])).rejects.toThrow(/State that changes from call to call/);
  });
});
