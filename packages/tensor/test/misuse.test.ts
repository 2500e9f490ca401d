import { ArgumentError, DTypeError } from '@octet/backend';
import { afterEach, describe, expect, test } from 'vitest';
import { getBackend, noGrad, ones, randn, setBackend, type Tensor, tensor } from '../src';
import * as ops from '../src/ops';

const backend = getBackend();
afterEach(() => setBackend(backend));

/** As callers see the functions who have no types. */
const js = <T>(value: T) => value as unknown as Record<string, (...args: unknown[]) => unknown>;

describe('what JavaScript lets through is refused with a word on it', () => {
  const x = randn([2, 4]);
  test.each<[string, () => unknown, RegExp]>([
    [
      'reshape',
      () => js(x).reshape(4, 2),
      /reshape: expected shape to be an array, found 4\..*reshape\(\[2, 3\]\)/,
    ],
    ['expand', () => js(x).expand(2, 4), /expected shape to be an array, found 2/],
    ['permute', () => js(x).permute(1, 0), /expected dims to be an array, found 1/],
    ['pad', () => js(x).pad(1), /expected pad to be an array, found 1/],
    [
      'pad with a mode',
      () => js(x).pad([1, 1], 'reflect'),
      /expected options of \{ mode, value \}, found 'reflect'/,
    ],
    ['pad with text', () => js(x).pad([1, 1], { value: '1' }), /expected value to be a number, found '1'/],
    ['sum', () => js(x).sum({ dim: 1 }), /expected dims to be an array, found an object of \{ dim \}/],
    ['mean', () => js(x).mean({ dim: 1 }), /expected dims to be an array/],
    ['amax', () => js(x).amax({ dim: 1 }), /expected dims to be an array/],
    ['leakyRelu', () => js(x).leakyRelu({ negativeSlope: 0.2 }), /expected negativeSlope to be a number/],
    [
      'layerNorm',
      () => js(x).layerNorm([4], undefined, undefined, { eps: 1 }),
      /expected eps to be a number/,
    ],
    ['layerNorm of a number', () => js(x).layerNorm(4), /expected normalizedShape to be an array, found 4/],
    ['gelu', () => js(ops).gelu(x, { approximate: 'erf' }), /gelu: expected approximate to be/],
    ['clamp', () => js(x).add(x, { clamp: 6 }), /add: expected clamp to be \[min, max\], found 6/],
    [
      'bounds of a clamp',
      () => js(ops).mul(x, x, { clamp: [6, 0] }),
      /mul: expected min <= max, found 6 and 0/,
    ],
    ['an option', () => js(ops).mul(x, 2, { relu: true }), /mul: expected .*clamp.*found 'relu'/],
    ['softplus', () => js(ops).softplus(x, 1, -1), /softplus: expected threshold >= 0, found -1/],
    ['elu', () => js(ops).elu(x, '1'), /elu: expected alpha to be a number, found '1'/],
    [
      'gelu as a method',
      () => js(x).gelu('tanh'),
      /gelu: expected options of \{ approximate \}, found 'tanh'/,
    ],
    ['pow', () => js(x).pow('2'), /pow: expected a tensor, found '2'/],
    ['fill_', () => js(ones([2])).fill_(), /expected value to be a number, found undefined/],
    [
      'contiguous',
      () => js(x).contiguous({ memoryFormat: 'NHWC' }),
      /'contiguous' or 'channelsLast', found 'NHWC'/,
    ],
    ['noGrad', () => js({ noGrad }).noGrad(), /noGrad: expected fn to be a function, found undefined/],
    [
      'setBackend',
      () => js({ setBackend }).setBackend('wasm'),
      /setBackend: expected a backend, found 'wasm'/,
    ],
    ['tensor', () => js({ tensor }).tensor([1], { backend: 'wasm' }), /expected a backend, found 'wasm'/],
    ['to', () => js(x).to({ dtype: 'int32' }), /to: expected a backend, found an object of \{ dtype \}/],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(ArgumentError);
    expect(call).toThrow(message);
  });

  test('dtypes that there are not', () => {
    expect(() => js(x).to('cuda')).toThrow(DTypeError);
    expect(() => js(x).to('float16')).toThrow(/expected float32, .* or a backend, found 'float16'/);
    for (const dtype of ['int8', undefined]) {
      const call = () => js(x).quantizePerTensor(0.1, 0, dtype);
      expect(call).toThrow(DTypeError);
      expect(call).toThrow(/quantizePerTensor: expected quint8, qint8 or qint32, found/);
      expect(() => js(x).quantizePerChannel([0.1, 0.1], [0, 0], 0, dtype)).toThrow(DTypeError);
    }
    expect(() => js(x).quantizePerTensor('0.1', 0, 'qint8')).toThrow(/expected a finite scale/);
  });

  test('a scale too large for float32 is not called too small', () => {
    expect(() => x.quantizePerTensor(1e39, 0, 'qint8')).toThrow('Use one from 2.94e-39 to 3.4e38.');
  });
});

test('a gradient that is a saved tensor, changed since', () => {
  const [x, w] = [tensor([1, 2], { requiresGrad: true }), tensor([1, 2])];
  const y: Tensor = x.mul(w);
  w.fill_(2);
  expect(() => y.backward(w)).toThrow(/expected b \[2\] of 'mul' as in the forward pass/);
  // Where backward doesn't read it, it is a gradient like any other.
  const z = x.add(w);
  w.fill_(3);
  z.backward(w);
  expect(x.grad?.dataSync()).toEqual(Float32Array.of(3, 3));
});
