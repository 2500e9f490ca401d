import { addDispatchHook, type Backend, extendBackend, OctetError } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cat, conv2d, matmul, ones, stack, tensor, zeros } from '../src';
import { list } from './support/layouts';

const image = zeros([1, 3, 8, 8]);
const weight = zeros([4, 3, 3, 3]);
const quantized = image.quantizePerTensor(0.1, 0, 'quint8');
const other: Backend = extendBackend(referenceBackend, { name: 'other', kernels: {} });

/** Typical mistakes, and the whole of what is said about them. */
const mistakes: readonly [string, () => unknown, string][] = [
  [
    'an int8 tensor in a float convolution',
    () => conv2d(quantized, weight),
    'conv2d: expected float32, found a quantized tensor (quint8). Give its layer a qconfig and convert it, or leave its ' +
      'layer in float by leaveInFloat(), or put a DeQuantStub before it.',
  ],
  [
    'int8 tensors added',
    () => quantized.add(quantized),
    'add: expected float32, found a quantized tensor (quint8). Use FloatFunctional, which convert() makes int8.',
  ],
  [
    'an int8 tensor in a float batch norm',
    () => quantized.batchNorm({ training: true }),
    'batchNorm: expected float32, found a quantized tensor (quint8). Fuse it with the convolution before it, by ' +
      'fuseModules().',
  ],
  [
    'an int8 tensor in an op without an int8 form',
    () => quantized.logSoftmax(0),
    'logSoftmax: expected float32, found a quantized tensor (quint8). It has no int8 form: leave its layer in float by ' +
      'leaveInFloat(), or put a DeQuantStub before it.',
  ],
  [
    'whole numbers in a float op',
    () => tensor(Int32Array.of(1)).exp(),
    "exp: expected float32, found int32. Convert it with to('float32').",
  ],
  [
    'mixed precisions',
    () => tensor([1]).add(tensor([1], { dtype: 'float64' })),
    "add: expected float32 throughout, found float64. Convert one with to('float32').",
  ],
  [
    'channels that do not fit',
    () => conv2d(zeros([1, 1, 8, 8]), weight),
    'conv2d: expected x with 3 channels for weight [4, 3, 3, 3], found x [1, 1, 8, 8]. x is [N, C, H, W] and weight ' +
      '[O, C / groups, kh, kw]: check the channels of the layer before.',
  ],
  [
    'channels that do not fit the groups',
    () => conv2d(image, weight, undefined, { groups: 2 }),
    'conv2d: expected x with 6 channels for weight [4, 3, 3, 3] in 2 groups, found x [1, 3, 8, 8]. x is [N, C, H, W] and ' +
      'weight [O, C / groups, kh, kw]: check the channels of the layer before.',
  ],
  [
    'groups that do not divide',
    () => conv2d(image, weight, undefined, { groups: 3 }),
    'conv2d: expected groups: a whole number that divides the 4 output channels, found 3. For a depthwise convolution ' +
      'groups is the number of input channels.',
  ],
  [
    'an image without batch dimension',
    () => conv2d(zeros([3, 8, 8]), weight),
    'conv2d: expected x of 4 dimensions, found [3, 8, 8]. Reshape it; a single sample needs unsqueeze(0) for the batch ' +
      'dimension.',
  ],
  [
    'a bias of the wrong length',
    () => conv2d(image, weight, zeros([3])),
    'conv2d: expected bias [4], one for each output channel, found [3]. Make bias and weight agree.',
  ],
  [
    'a kernel larger than the image',
    () => conv2d(zeros([1, 3, 2, 8]), weight),
    'conv2d: expected an image of at least 3 × 3 with its padding, found 2 × 8 and padding 0 × 0. Use a smaller kernel, ' +
      'more padding or a larger image.',
  ],
  [
    'a stride of 0',
    () => conv2d(image, weight, undefined, { stride: 0 }),
    "conv2d: expected stride to be a whole number >= 1, or two of them: [height, width], found 0. Correct 'stride'.",
  ],
  [
    'too much padding of a pool',
    () => image.maxPool2d(2, { padding: 2 }),
    'maxPool2d: expected padding of at most half the kernel (1 × 1), found 2 × 2. More would make windows of nothing but ' +
      'padding: use pad() first.',
  ],
  [
    'features that do not fit',
    () => image.flatten(1).linear(zeros([10, 64])),
    'linear: expected x [..., 64] for weight [10, 64], found [1, 192]. The last dimension of x must be the input ' +
      'features of the layer: flatten(1) images first.',
  ],
  [
    'matrices that do not fit',
    () => matmul(zeros([2, 3]), zeros([2, 3])),
    'matmul: expected a [..., m, k] and b [..., k, n] with the same k, found [2, 3] and [2, 3]. Transpose one of them; ' +
      'for elementwise products use mul.',
  ],
  [
    'batches that do not broadcast',
    () => matmul(zeros([2, 3, 4]), zeros([3, 4, 5])),
    'matmul: expected shapes that broadcast: equal from the right, or 1, or absent, found [2] and [3]. The sizes 2 and 3 ' +
      'at dimension -1 differ: reshape or unsqueeze one of them.',
  ],
  [
    'two backends',
    () => ones([2]).add(ones([2], { backend: other })),
    "add: expected all tensors on one backend, found 'js' and 'other'. Move them with tensor.to(backend) or " +
      'model.to(backend); setBackend() decides where new tensors live.',
  ],
  [
    'two backends of one name',
    () => ones([2]).add(ones([2], { backend: extendBackend(other, { name: 'js', kernels: {} }) })),
    "add: expected all tensors on one backend, found two backends of the name 'js'. Make one backend and share it, or move " +
      'the tensors with tensor.to(backend). Did you make only one? The package is loaded twice: as ESM and as CommonJS, or ' +
      'in two versions.',
  ],
  [
    'a dim out of range',
    () => ones([2, 3]).sum(2),
    'sum: expected a dim from -2 to 1, found 2. The tensor has 2 dimensions.',
  ],
  [
    'a dim of a single number',
    () => tensor(1).softmax(0),
    'softmax: expected a tensor with dimensions, found 0. The tensor has 0 dimensions.',
  ],
  [
    'a dim twice',
    () => ones([2, 3]).sum([0, -2]),
    'sum: expected distinct dims, found [0,-2]. Name each dim once.',
  ],
  [
    'an index out of range',
    () => ones([2, 3]).select(1, 3),
    'select: expected an index from -3 to 2, found 3. Dim 1 of shape [2, 3] has size 3.',
  ],
  [
    'a permutation that is none',
    () => ones([2, 3]).permute([0, 0]),
    'permute: expected each of the 2 dims once, found [0, 0]. List all dims in their new order.',
  ],
  [
    'a reshape to another size',
    () => ones([2, 3]).reshape([4, -1]),
    'reshape: expected a shape of 6 elements, at most one size -1, found [4, -1] for a tensor of shape [2, 3]. The ' +
      'product of the sizes must stay the same.',
  ],
  [
    'an expansion of what is not 1',
    () => ones([2, 3]).expand([4, 3]),
    'expand: expected a shape that [2, 3] broadcasts to, found [4, 3]. Only dims of size 1 can be repeated; new dims ' +
      'come in front.',
  ],
  [
    'a backward step',
    () => ones([3]).slice(0, undefined, undefined, -1),
    'slice: expected a whole step >= 1, found -1. Views can not run backwards.',
  ],
  [
    'cat of shapes that differ elsewhere',
    () => cat([ones([2, 3]), ones([2, 4])], 0),
    'cat: expected tensors like [2, 3] but for dim 0, found [2, 4]. All sizes but the one that is joined must agree; to ' +
      'make a new dim use stack.',
  ],
  ['cat of nothing', () => cat([]), 'cat: expected at least one tensor, found none. Check the list.'],
  [
    'stack of different shapes',
    () => stack([ones([2]), ones([3])]),
    'stack: expected tensors of shape [2], found [3]. All must have one shape; to join along a dim they have use cat.',
  ],
  [
    'a pad of half pairs',
    () => ones([3]).pad([1]),
    'pad: expected pairs of whole numbers, at most 1: [before, after] of the last dim, then of the one before it, …, ' +
      'found [1]. For images: [left, right, top, bottom].',
  ],
  [
    'bounds the wrong way',
    () => ones([1]).clamp(1, 0),
    'clamp: expected min <= max, found 1 and 0. Swap the two bounds.',
  ],
  [
    'layerNorm over other dims',
    () => ones([2, 3]).layerNorm([2]),
    'layerNorm: expected x [..., 2], found [2, 3]. normalizedShape are the last dimensions of x, at least one.',
  ],
  [
    'a copy from another shape',
    () => ones([2]).copy_(ones([3])),
    'copy_: expected a source of shape [2], found [3]. Reshape or expand the source.',
  ],
];

describe('typical mistakes', () => {
  const kernels: string[] = [];
  let remove: () => void;
  beforeAll(() => {
    remove = addDispatchHook(({ kernel }, run) => {
      kernels.push(kernel);
      run();
    });
  });
  afterAll(() => remove());

  test.each(mistakes)('%s', (_, f, message) => {
    kernels.length = 0;
    let error: unknown;
    try {
      f();
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(OctetError);
    expect((error as Error).message).toBe(message);
    // Found before anything was computed; `zeros` and `ones` of the test itself fill.
    expect(kernels.filter((name) => name !== 'fill')).toEqual([]);
  });
});

test('a cast to or from a quantized dtype', () => {
  expect(() => ones([2]).to('quint8')).toThrow(
    'to: expected two dtypes that are not quantized, found float32 to quint8.',
  );
  expect(() => quantized.to('float32')).toThrow(/Use quantizePerTensor, dequantize or intRepr/);
});

describe('to another backend', () => {
  test('copies, keeps the memory order, and lets gradients through', () => {
    const x = tensor(
      Float32Array.from({ length: 12 }, (_, i) => i),
      [1, 3, 2, 2],
    ).contiguous({ memoryFormat: 'channelsLast' });
    x.requiresGrad = true;
    const y = x.to(other);
    expect([y.backend, y.isContiguous('channelsLast')]).toEqual([other, true]);
    expect(list(y)).toEqual(list(x));
    y.square().sum().backward();
    expect(x.grad?.backend).toBe(x.backend);
    expect(list(x.grad as typeof x)).toEqual(list(x).map((v) => 2 * v));
    expect(x.to(referenceBackend)).toBe(x);
  });

  test('keeps quantization, and takes only the elements of a view', () => {
    const q = tensor([
      [0.1, 0.2],
      [0.3, 0.4],
    ])
      .quantizePerTensor(0.1, 3, 'quint8')
      .select(1, 1)
      .to(other);
    expect(q.qparams).toMatchObject({ scale: 0.1, zeroPoint: 3 });
    expect(list(q)).toEqual([5, 7]);
    expect(q.storage.length).toBe(2);
  });
});
