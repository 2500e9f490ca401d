import { noGrad, ones, randn, type Tensor, tensor, zeros } from '@octet/tensor';
import { expect, test } from 'vitest';
import { type AnyModule, Buffer, Linear, Module, Parameter, ReLU, Sequential } from '../src';
import { Model } from './models';

test('a clone computes the same and goes its own way', () => {
  const m = new Model().eval();
  const copy = m.clone();
  const x = randn([2, 2, 6, 6]);
  expect(copy).toBeInstanceOf(Model);
  expect(copy.training).toBe(false);
  expect(copy.call(x).dataSync()).toEqual(m.call(x).dataSync());
  noGrad(() => copy.lastLinear.weight.fill_(0));
  copy.setSubmodule('layers.0.2', new Sequential());
  expect(m.lastLinear.weight.dataSync()).not.toContain(0);
  expect(m.getSubmodule('layers.0.2')).toBeInstanceOf(ReLU);
});

class Oddments extends Module {
  readonly weight = new Parameter(ones([2]), false);
  readonly buffer = new Buffer(zeros([1]), { persistent: false, anyShape: true });
  readonly again = this.weight;
  readonly plain = tensor([1]).quantizePerTensor(0.5, 3, 'quint8');
  readonly list: unknown[] = [this.weight, { deep: new Map([['key', new Set([this.plain])]]) }];
  readonly shared = new Date(0);
  readonly fn = () => 1;
  readonly 0 = new ReLU();
  readonly first = this[0];
  self: AnyModule = this;

  forward(x: Tensor) {
    return x;
  }
}

test('copies tensors, arrays, maps, sets and plain objects; shares the rest; keeps identities', () => {
  const m = new Oddments();
  m.qconfig = { observer: zeros([1]) };
  const copy = m.clone();
  expect(copy.weight).toBeInstanceOf(Parameter);
  expect(copy.weight).not.toBe(m.weight);
  expect(copy.weight.requiresGrad).toBe(false);
  expect(copy.buffer).toMatchObject({ persistent: false, anyShape: true });
  expect(copy.again).toBe(copy.weight);
  expect(copy.list[0]).toBe(copy.weight);
  expect(copy.plain.qparams).toEqual(m.plain.qparams);
  expect(copy.plain.storage).not.toBe(m.plain.storage);
  const { deep } = copy.list[1] as { deep: Map<string, Set<Tensor>> };
  expect([...(deep.get('key') ?? [])][0]).toBe(copy.plain);
  expect(copy.shared).toBe(m.shared);
  expect(copy.fn).toBe(m.fn);
  expect(copy.qconfig).toBe(m.qconfig);
  expect(copy.first).toBe(copy[0]);
  expect(copy.self).toBe(copy);
});

test('leaves gradients behind, also of tensors that were computed', () => {
  const m = new Linear(1, 1);
  m.call(ones([1, 1])).backward();
  const copy = m.clone();
  expect(copy.weight.grad).toBeUndefined();
  expect(copy.weight.isLeaf).toBe(true);
});

test('leaves hooks behind, unless they ask to come along', () => {
  const m = new ReLU();
  const seen: unknown[] = [];
  m.registerForwardHook(() => {
    throw new Error('stays');
  });
  m.registerForwardPreHook((module) => void seen.push(module), { copyOnClone: true });
  const copy = m.clone();
  copy.call(tensor([1]));
  expect(seen).toEqual([copy]);
});

test('keeps the memory order', () => {
  const m = new Linear(2, 3);
  m.weight = new Parameter(zeros([2, 3]).transpose(0, 1));
  expect(m.clone().weight.strides).toEqual([1, 3]);
});
