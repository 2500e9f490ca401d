import { manualSeed, noGrad, randn, type Tensor, tensor } from '@octet/tensor';
import { describe, expect, it, test } from 'vitest';
import { importOnnx, OnnxImportError } from '../src';
import { TensorProto_DataType as T } from '../src/onnx.generated';
import { ort, run } from './engine';
import { file, floats, graph, ints, node, value } from './files';

/** The outputs of a file, which must be onnxruntime's. */
async function same(bytes: Uint8Array, inputs: readonly Tensor[]): Promise<void> {
  const model = await importOnnx<Tensor | Tensor[]>(bytes);
  const got = [noGrad(() => model.call(...inputs))].flat();
  const want = await run(bytes, inputs);
  expect(got.length).toBe(want.length);
  for (const [i, { dims, data }] of want.entries()) {
    expect(got[i].shape).toEqual(dims);
    const numbers = got[i].dataSync();
    for (let k = 0; k < data.length; k++) expect(numbers[k]).toBeCloseTo(Number(data[k]), 4);
  }
}

/** The floats of integers: `file` says that outputs are floats. */
const real = (from: string, to: string) => node('Cast', [from], [to], { to: T.FLOAT });
const whole = (name: string, n: number) => ints(name, [n], []);

describe.skipIf(!ort)('sequences, as onnxruntime has them', () => {
  manualSeed(3);
  const x = randn([2, 6]);

  it('are split by sizes, read from both ends, changed and joined', () =>
    same(
      file({
        inputs: [value('x', [2, 6])],
        outputs: ['joined', 'stacked', 'count'],
        weights: [ints('sizes', [1, 2, 3]), whole('first', 0), whole('last', -1), whole('second', 1)],
        nodes: [
          node('SplitToSequence', ['x', 'sizes'], ['parts'], { axis: 1 }),
          node('SequenceAt', ['parts', 'first'], ['a']),
          node('SequenceAt', ['parts', 'last'], ['b']),
          node('SequenceErase', ['parts', 'second'], ['fewer']),
          node('SequenceInsert', ['fewer', 'x', 'second'], ['more']),
          node('ConcatFromSequence', ['more'], ['joined'], { axis: -1 }),
          node('Relu', ['a'], ['c']),
          node('SequenceConstruct', ['a', 'c'], ['two']),
          node('ConcatFromSequence', ['two'], ['stacked'], { axis: 0, new_axis: 1 }),
          node('SequenceLength', ['more'], ['length']),
          real('length', 'count'),
          node('Identity', ['b'], ['unused']),
        ],
      }),
      [x],
    ));

  it.each([0, 1])(
    'are split into parts of one size, of which the input says how many: keepdims %i',
    (keepdims) =>
      same(
        file({
          inputs: [value('x', [2, 'n'])],
          outputs: ['y', 'z'],
          weights: [whole('at', 2), whole('four', 4), whole('one', 1)],
          nodes: [
            node('SplitToSequence', ['x'], ['columns'], { axis: 1, keepdims }),
            node('SequenceAt', ['columns', 'at'], ['y']),
            node('SplitToSequence', ['x', 'four'], ['wide'], { axis: 1 }),
            // The last one is smaller.
            node('SequenceAt', ['wide', 'one'], ['z']),
          ],
        }),
        [x],
      ),
  );

  it('are no tensors', async () => {
    const nodes = [node('SequenceConstruct', ['x'], ['list']), node('Relu', ['list'], ['y'])];
    const parts = { inputs: [value('x', [2])], nodes };
    const failed = importOnnx(file({ ...parts, outputs: ['y'] }));
    await expect(failed).rejects.toThrow(OnnxImportError);
    await expect(failed).rejects.toThrow(/a sequence here/);
    await expect(importOnnx(file({ ...parts, outputs: ['list'] }))).rejects.toThrow(OnnxImportError);
  });

  test.each([
    { time_axis: 0, batch_axis: 1 },
    { time_axis: 1, batch_axis: 0 },
  ])('ReverseSequence: %j', (axes) =>
    same(
      file({
        inputs: [value('x', [4, 4, 'c']), value('lengths', [4], T.INT32)],
        outputs: ['y'],
        nodes: [
          node('Cast', ['lengths'], ['long'], { to: T.INT64 }),
          node('ReverseSequence', ['x', 'long'], ['y'], axes),
        ],
      }),
      [randn([4, 4, 3]), tensor([1, 4, 2, 3], { dtype: 'int32' })],
    ),
  );

  it('a scan keeps what it collects in each turn', () => {
    const body = graph({
      inputs: [value('s', [2]), value('e', [2])],
      outputs: ['next', 'seen'],
      nodes: [
        node('Add', ['s', 'e'], ['next']),
        node('Mul', ['next', 'next'], ['square']),
        node('Sqrt', ['square'], ['seen']),
      ],
    });
    return same(
      file({
        inputs: [value('s0', [2]), value('x', ['t', 2])],
        outputs: ['last', 'all'],
        nodes: [node('Scan', ['s0', 'x'], ['last', 'all'], { body, num_scan_inputs: 1 })],
      }),
      [randn([2]), randn([5, 2])],
    );
  });
});

describe.skipIf(!ort)('spectra, as onnxruntime has them', () => {
  it('of real signals without a last dim', () =>
    same(
      file({
        inputs: [value('x', [2, 'n'])],
        outputs: ['y'],
        weights: [whole('step', 4), floats('window', [16]), whole('length', 16)],
        nodes: [node('STFT', ['x', 'step', 'window', 'length'], ['y'])],
      }),
      [randn([2, 40])],
    ));

  it.each(['HannWindow', 'HammingWindow', 'BlackmanWindow'])('%s', (op) =>
    same(
      file({
        inputs: [value('x', [1, 'n'])],
        outputs: ['y', 'z'],
        weights: [whole('size', 9)],
        nodes: [
          node(op, ['size'], ['whole'], { periodic: 0 }),
          node(op, ['size'], ['periodic']),
          node('Mul', ['x', 'whole'], ['y']),
          node('Mul', ['x', 'periodic'], ['z']),
        ],
      }),
      [randn([1, 9])],
    ),
  );

  it('MelWeightMatrix', () =>
    same(
      file({
        inputs: [value('x', ['n', 33])],
        outputs: ['y'],
        weights: [
          ...[whole('mels', 8), whole('length', 64), whole('rate', 8000)],
          ...[floats('low', [], [100]), floats('high', [], [3800])],
        ],
        nodes: [
          node('MelWeightMatrix', ['mels', 'length', 'rate', 'low', 'high'], ['m']),
          node('MatMul', ['x', 'm'], ['y']),
        ],
      }),
      [randn([3, 33])],
    ));
});

describe.skipIf(!ort)('bits, as onnxruntime has them', () => {
  const [a, b] = [tensor([12, -7, 255, 1], { dtype: 'int32' }), tensor([10, 3, -2, 4], { dtype: 'int32' })];

  it.each(['BitwiseAnd', 'BitwiseOr', 'BitwiseXor'])('%s', (op) =>
    same(
      file(
        {
          inputs: [value('a', [4], T.INT32), value('b', [4], T.INT32)],
          outputs: ['y', 'z'],
          nodes: [
            node(op, ['a', 'b'], ['c']),
            node('BitwiseNot', ['a'], ['d']),
            real('c', 'y'),
            real('d', 'z'),
          ],
        },
        { opset: 18 },
      ),
      [a, b],
    ),
  );

  it.each(['LEFT', 'RIGHT'])('BitShift %s', async (direction) => {
    const bytes = file({
      inputs: [value('a', [4], T.UINT8), value('b', [4], T.UINT8)],
      outputs: ['y'],
      nodes: [node('BitShift', ['a', 'b'], ['c'], { direction }), real('c', 'y')],
    });
    await same(bytes, [
      tensor([1, 16, 200, 7], { dtype: 'uint8' }),
      tensor([3, 2, 1, 0], { dtype: 'uint8' }),
    ]);
  });
});
