import { createHash } from 'node:crypto';
import path from 'node:path';
import { loadPt } from '@octet/formats';
import type { Module } from '@octet/nn';
import { noGrad, type Tensor, tensor } from '@octet/tensor';
import {
  efficientnetB0,
  m5,
  mobilenetV3Large,
  mobilenetV3Small,
  resnet34,
  resnet50,
  shufflenetV2x05,
  shufflenetV2x10,
  squeezenet10,
  squeezenet11,
  unet,
} from '@octet/vision';
import { beforeAll, expect, test } from 'vitest';

// PyTorch's names and outputs, made by torch/vision_models.py, which has the same formulas.

interface Expected {
  readonly parameters: number;
  readonly shape: readonly number[];
  readonly gain: number;
  readonly keys: number;
  readonly sha256: string;
  readonly y: Tensor;
}

const create: Record<string, () => Module & { fuseModel(): void }> = {
  resnet34,
  resnet50,
  shufflenetV2x05,
  shufflenetV2x10,
  mobilenetV3Small,
  mobilenetV3Large,
  efficientnetB0,
  m5,
  squeezenet10,
  squeezenet11,
  unet: () => unet({ width: 16 }),
  unetBilinear: () => unet({ width: 16, bilinear: true }),
};

/** Multiples of 2^-16 in [-0.5, 0.5). */
function noise(length: number, salt: number): Float32Array {
  const hash = (i: number) => ((((i * 40503 + 12345) % 65536) * 30011) % 65536) / 65536 - 0.5;
  return Float32Array.from({ length }, (_, i) => hash(i + salt * 7919));
}

function value(name: string, shape: readonly number[], salt: number, gain: number): Tensor {
  const numel = shape.reduce((product, n) => product * n, 1);
  const x = tensor(noise(numel, salt), shape);
  if (name.endsWith('running_var')) return x.add(1);
  if (name.endsWith('running_mean') || name.endsWith('.bias')) return x.mul(0.25);
  if (shape.length === 1) return x.mul(0.5).add(1);
  return x.mul(2 ** Math.round(Math.log2(gain / (numel / shape[0])) / 2));
}

let files: Record<string, Expected>;
beforeAll(async () => {
  const file = path.join(import.meta.dirname, '../torch/vision-models.pt');
  files = (await loadPt(file)) as unknown as Record<string, Expected>;
});

test.each(Object.keys(create))('%s has torchvision’s layout, and gives PyTorch’s numbers', (name) => {
  const { parameters, shape, gain, keys, sha256, y: expected } = files[name];
  const model = create[name]().eval();
  expect(model.parameters().reduce((sum, p) => sum + p.numel, 0)).toBe(parameters);
  const state = model.stateDict();
  const names = Object.keys(state);
  expect(names.length).toBe(keys);
  expect(createHash('sha256').update(names.join('\n')).digest('hex')).toBe(sha256);
  const values = names.flatMap((key, salt) =>
    key.endsWith('num_batches_tracked') ? [] : [[key, value(key, state[key].shape, salt, gain)] as const],
  );
  model.loadStateDict({ ...state, ...Object.fromEntries(values) });

  const numel = shape.reduce((product, n) => product * n, 2);
  const x = tensor(noise(numel, 1000), [2, ...shape]).mul(4);
  x.select(0, 1).copy_(x.select(0, 1).mul(0.5));
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
