import path from 'node:path';
import { loadPt, type PtValue } from '@octet/formats';
import { noGrad, type Tensor, tensor } from '@octet/tensor';
import { resnet18 } from '@octet/vision';
import { expect, test } from 'vitest';

// PyTorch's names and outputs, made by torch/resnet18.py, which has the same formulas.

/** Multiples of 2^-16 in [-0.5, 0.5). */
function noise(length: number, salt: number): Float32Array {
  const hash = (i: number) => ((((i * 40503 + 12345) % 65536) * 30011) % 65536) / 65536 - 0.5;
  return Float32Array.from({ length }, (_, i) => hash(i + salt * 7919));
}

function value(name: string, shape: readonly number[], salt: number): Tensor {
  const numel = shape.reduce((product, n) => product * n, 1);
  const x = tensor(noise(numel, salt), shape);
  if (name.endsWith('running_var')) return x.add(1);
  if (name.endsWith('running_mean') || name.endsWith('.bias')) return x.mul(0.25);
  if (shape.length === 1) return x.mul(0.5).add(1);
  return x.mul(2 ** Math.round(Math.log2(12 / (numel / shape[0])) / 2));
}

test('ResNet-18 gives PyTorch’s numbers, as it is and fused', async () => {
  const file = path.join(import.meta.dirname, '../torch/resnet18.pt');
  const { names, y } = (await loadPt(file)) as unknown as { names: readonly string[]; y: PtValue };
  const model = resnet18().eval();
  const state = model.stateDict();
  expect(Object.keys(state)).toEqual(names);
  const values = names.flatMap((name, salt) =>
    name.endsWith('num_batches_tracked') ? [] : [[name, value(name, state[name].shape, salt)] as const],
  );
  model.loadStateDict({ ...state, ...Object.fromEntries(values) });

  const x = tensor(noise(3 * 64 * 64, 1000), [1, 3, 64, 64]).mul(4);
  const expected = y as Tensor;
  const most = expected.abs().amax().itemSync();
  const farthest = () =>
    noGrad(() => model.call(x))
      .sub(expected)
      .abs()
      .amax()
      .itemSync();
  expect(farthest()).toBeLessThan(1e-5 * most);
  model.fuseModel();
  expect(farthest()).toBeLessThan(1e-5 * most);
});
