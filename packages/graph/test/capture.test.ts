import { ArgumentError, extendBackend } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import {
  add,
  embedding,
  isGradEnabled,
  kernel,
  mul,
  rand,
  relu,
  scope,
  type Tensor,
  tensor,
} from '@octet/tensor';
import { expect, test } from 'vitest';
import { addCallHook, capture, replay, tensorsIn } from '../src';
import { Affine, Chain, Free, Scaled, TestModule } from './modules';

const x = tensor([-1, 2]);

test('writes down kernels and calls in order, with paths', () => {
  const weight = tensor([3, 5]);
  const recording = capture(new Chain(new Affine(2, 1), new Scaled(weight)), x);
  expect(recording.kernels.map((k) => [k.kernel, k.call?.path])).toEqual([
    ['affine', 'first'],
    ['mul', 'second'],
    ['relu', 'second'],
  ]);
  expect(recording.kernels[0].attrs).toEqual({ scale: 2, shift: 1 });
  expect(recording.kernels[1].inputs.b?.source).toMatchObject({ storage: weight.storage });
  expect(recording.kernels[1].inputs.a?.buffer).toBe(recording.kernels[0].outputs.y?.buffer);
  expect(recording.calls.map(({ path, method, begin, end }) => [path, method, begin, end])).toEqual([
    ['', 'forward', 0, 3],
    ['first', 'forward', 0, 1],
    ['second', 'forward', 1, 3],
  ]);
  expect(recording.calls[1].parent).toBe(recording.calls[0]);
  expect(recording.calls[1].args).toEqual([x]);
  expect(recording.calls[2].output).toBe(recording.output);
  expect((recording.output as Tensor).dataSync()).toEqual(new Float32Array([0, 25]));
});

test('nothing is freed until release', () => {
  const inner: Tensor[] = [];
  const model = new Free((t) =>
    scope(() => {
      const a = add(t, t);
      const b = relu(a);
      a.dispose();
      inner.push(a, b);
      return mul(b, 2);
    }),
  );
  const recording = capture(model, x);
  expect(inner.map((t) => t.dataSync())).toEqual([new Float32Array([-2, 4]), new Float32Array([0, 4])]);
  expect(recording.held.size).toBe(2);
  recording.release();
  recording.release();
  expect(inner.map((t) => t.storage.freed)).toEqual([true, true]);
  expect((recording.output as Tensor).dataSync()).toEqual(new Float32Array([0, 8]));
});

test('memory that was taken is spared by release', () => {
  let inner: Tensor | undefined;
  const recording = capture(
    new Free((t) => {
      inner = relu(t);
      inner.dispose();
      return t;
    }),
    x,
  );
  const { storage } = inner as unknown as Tensor;
  recording.take(storage);
  recording.release();
  expect(storage.freed).toBe(false);
});

test('a captured kernel can run again', () => {
  const recording = capture(new Affine(2, 0), x);
  const y = recording.output as Tensor;
  y.fill_(0);
  for (const call of recording.kernels) replay(call);
  expect(y.dataSync()).toEqual(new Float32Array([-2, 4]));
});

test('reads, checks and random numbers are noted, with their module', () => {
  const table = rand([4, 2]);
  const model = new Free((index) => {
    const rows = embedding(index, table);
    rows.dataSync();
    return add(rows, rand([2]));
  });
  const { events } = capture(model, tensor([1, 3], { dtype: 'int32' }));
  expect(events.map(({ kind, op, at, call }) => [kind, op, at, call?.path])).toEqual([
    ['check', 'embedding', 0, ''],
    ['read', 'dataSync', 1, ''],
    ['random', 'rand', 1, ''],
  ]);
});

test('a run that fails leaves everything as it was', () => {
  let inner: Tensor | undefined;
  const model = new Free((t) => {
    inner = relu(t);
    inner.dispose();
    throw new Error('no');
  });
  expect(() => capture(model, x)).toThrow('no');
  expect(inner?.storage.freed).toBe(true);
  expect(isGradEnabled()).toBe(true);
  const after = relu(x);
  after.dispose();
  expect(after.storage.freed).toBe(true);
});

test('a capture inside another: the inner one holds, then the outer', () => {
  let inner: Tensor | undefined;
  const model = new Free((t) => {
    const recording = capture(
      new Free((u) => {
        inner = relu(u);
        inner.dispose();
        return u;
      }),
      t,
    );
    recording.release();
    expect(inner?.storage.freed).toBe(false);
    return t;
  });
  const outer = capture(model, x);
  outer.release();
  expect(inner?.storage.freed).toBe(true);
});

test('names the backend whose kernel ran', () => {
  const partial = Object.assign(
    extendBackend(referenceBackend, { name: 'partial', kernels: {}, onFallback: () => {} }),
    { kernels: {}, fallback: referenceBackend },
  );
  const { kernels } = capture(new Affine(1, 0), x.to(partial));
  expect(kernels.map((k) => [k.backend.name, k.ranOn.name])).toEqual([['partial', 'js']]);
});

test('refuses what is no model', () => {
  expect(() => capture((() => x) as never, x)).toThrow(ArgumentError);
});

test('call hooks nest, see results, and go', () => {
  const seen: string[] = [];
  const hook = (name: string) =>
    addCallHook(({ module, method }, run) => {
      seen.push(`${name} ${module.constructor.name}.${method}`);
      seen.push(`${name} ${run()}`);
    });
  class Give extends TestModule {
    forward() {
      return 7;
    }
  }
  const removers = [hook('inner'), hook('outer')];
  expect(new Give().call()).toBe(7);
  for (const remove of removers) remove();
  expect(new Give().call()).toBe(7);
  expect(seen).toEqual(['outer Give.forward', 'inner Give.forward', 'inner 7', 'outer 7']);
});

test('tensorsIn looks into arrays and plain objects', () => {
  const [a, b] = [tensor([1]), tensor([2])];
  expect(tensorsIn([a, { deep: [b] }, 3, null])).toEqual([a, b]);
  expect(kernel.Storage).toBeTypeOf('function');
});
