import { inspect } from 'node:util';
import { extendBackend } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import { describe, expect, test } from 'vitest';
import { arange, ones, tensor, zeros } from '../src';

// Where PyTorch 1.13 prints the same tensor, its text is the same but for the names of dtypes and notes.
describe('prints like PyTorch', () => {
  test.each([
    [
      'whole numbers',
      tensor([
        [1, 2],
        [3, 4],
      ]),
      'tensor([[1., 2.],\n        [3., 4.]])',
    ],
    ['signs in columns', tensor([-1, 2]), 'tensor([-1.,  2.])'],
    ['fractions', tensor([0.5, -0.25, 12]), 'tensor([ 0.5000, -0.2500, 12.0000])'],
    ['one number', tensor(3.5), 'tensor(3.5000)'],
    ['large next to small', tensor([0.0001234, 5]), 'tensor([1.2340e-04, 5.0000e+00])'],
    ['tiny numbers', tensor([1e-7, 2e-7]), 'tensor([1.0000e-07, 2.0000e-07])'],
    ['huge numbers', tensor([1e10, 2]), 'tensor([1.0000e+10, 2.0000e+00])'],
    [
      'special numbers',
      tensor([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1]),
      'tensor([ nan,  inf, -inf,   1.])',
    ],
    ['zeros', zeros([3]), 'tensor([0., 0., 0.])'],
    ['integers', tensor(Int32Array.of(1, -20, 3)), 'tensor([  1, -20,   3], dtype=int32)'],
    ['truth values', tensor([1, 0], { dtype: 'bool' }), 'tensor([ true, false], dtype=bool)'],
    ['float64', tensor([1.5], { dtype: 'float64' }), 'tensor([1.5000], dtype=float64)'],
    ['no numbers', zeros([0]), 'tensor([])'],
    ['no numbers in a shape', zeros([0, 3]), 'tensor([], shape=[0, 3])'],
    [
      'three dims',
      arange(8).reshape([2, 2, 2]),
      'tensor([[[0., 1.],\n         [2., 3.]],\n\n        [[4., 5.],\n         [6., 7.]]])',
    ],
    [
      'views',
      arange(6).reshape([2, 3]).transpose(0, 1),
      'tensor([[0., 3.],\n        [1., 4.],\n        [2., 5.]])',
    ],
    [
      'long rows',
      arange(20),
      'tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.,\n        14., 15., 16., 17., 18., 19.])',
    ],
  ])('%s', (_, t, text) => {
    expect(String(t)).toBe(text);
  });

  test('the middle of many numbers is left out', () => {
    expect(String(arange(2000))).toBe(
      'tensor([0.0000e+00, 1.0000e+00, 2.0000e+00, ..., 1.9970e+03, 1.9980e+03,\n        1.9990e+03], shape=[2000])',
    );
    expect(String(ones([40, 50]))).toBe(
      `tensor([${Array(3).fill('[1., 1., 1., ..., 1., 1., 1.]').join(',\n        ')},\n        ...,\n        ` +
        `${Array(3).fill('[1., 1., 1., ..., 1., 1., 1.]').join(',\n        ')}], shape=[40, 50])`,
    );
  });
});

describe('says what is out of the ordinary', () => {
  test('gradients', () => {
    const x = tensor([1], { requiresGrad: true });
    expect(String(x)).toBe('tensor([1.], requiresGrad=true)');
    expect(String(x.relu())).toBe('tensor([1.], gradFn=relu)');
  });

  test('quantization', () => {
    expect(String(tensor([0.5, 1]).quantizePerTensor(0.1, 3, 'quint8'))).toBe(
      'tensor([0.5000, 1.0000], dtype=quint8, scale=0.1, zeroPoint=3)',
    );
    expect(String(tensor([[1], [2]]).quantizePerChannel([0.5, 1], [0, 0], 0, 'qint8'))).toBe(
      'tensor([[1.],\n        [2.]], dtype=qint8, axis=0)',
    );
  });

  test('memory that is gone', () => {
    const x = ones([2, 3], { requiresGrad: true });
    x.dispose();
    expect(String(x)).toBe('tensor(<disposed>, shape=[2, 3], requiresGrad=true)');
  });

  test('other backends, and those that can not be read at once', () => {
    const other = extendBackend(referenceBackend, { name: 'other', kernels: {} });
    expect(String(ones([1], { backend: other }))).toBe('tensor([1.], backend=other)');
    const async = {
      ...other,
      name: 'async',
      readSync: undefined,
      allocate: other.allocate,
      write: other.write,
      free: other.free,
      read: other.read,
    };
    expect(String(ones([1], { backend: async }))).toBe(
      'tensor(<await t.data() to read>, shape=[1], backend=async)',
    );
  });

  test('in console.log, too', () => {
    expect(inspect(tensor([1, 2]))).toBe('tensor([1., 2.])');
  });
});
