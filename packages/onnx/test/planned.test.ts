/** Forms of files that are to run on the backend alone, and as layers. */
import { create } from '@bufbuild/protobuf';
import { planOf } from '@octet/graph';
import { type Conv2d, Hardsigmoid } from '@octet/nn';
import { convertFx, prepareFx, quantizationReport } from '@octet/quantization';
import { manualSeed, noGrad, randn, type Tensor, tensor } from '@octet/tensor';
import { beforeEach, describe, expect, it } from 'vitest';
import { exportOnnx, importOnnx } from '../src';
import { TensorProto_DataType as T, TensorProtoSchema } from '../src/onnx.generated';
import { ort, parse, run } from './engine';
import { file, floats, ints, node, value } from './files';

beforeEach(() => void manualSeed(11));

function expectNear(got: ArrayLike<number>, want: ArrayLike<number>): void {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < want.length; i++) expect(got[i]).toBeCloseTo(want[i], 4);
}

/** The model of a file, and that it and its plan give what onnxruntime does. */
async function planned(bytes: Uint8Array, x: Tensor) {
  const model = await importOnnx<Tensor>(bytes);
  const [want] = await run(bytes, [x]);
  expectNear(noGrad(() => model.call(x)).dataSync(), want.data);
  const plan = await planOf(model, [x]);
  expectNear((plan.run(x) as Tensor).dataSync(), want.data);
  return model;
}

const bytes8 = (name: string, dims: readonly number[], type: number, f: (i: number) => number) =>
  create(TensorProtoSchema, {
    ...{ name, dims: dims.map(BigInt), dataType: type },
    int32Data: Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => f(i)),
  });

describe.skipIf(!ort)('run on the backend alone', () => {
  it('convolutions of what is quantized at each call', async () => {
    const bytes = file({
      inputs: [value('x', ['n', 3, 'h', 'w'])],
      outputs: ['y'],
      weights: [
        bytes8('w', [4, 3, 3, 3], T.INT8, (i) => ((i * 37) % 255) - 127),
        bytes8('zw', [], T.INT8, () => 0),
        floats('step', [], [0.003]),
        floats('bias', [1, 4, 1, 1]),
      ],
      nodes: [
        node('DynamicQuantizeLinear', ['x'], ['q', 's', 'z']),
        node('ConvInteger', ['q', 'w', 'z', 'zw'], ['sums'], { pads: [1, 1, 1, 1] }),
        node('Cast', ['sums'], ['real'], { to: T.FLOAT }),
        node('Mul', ['s', 'step'], ['scale']),
        node('Mul', ['real', 'scale'], ['scaled']),
        node('Add', ['scaled', 'bias'], ['y']),
      ],
    });
    await planned(bytes, randn([2, 3, 6, 5]));
    // Zeros alone have no range.
    await planned(bytes, randn([1, 3, 4, 4]).mul(0));
  });

  it('sums of whole numbers', () =>
    planned(
      file({
        inputs: [value('x', [3, 4], T.INT32)],
        outputs: ['y'],
        weights: [ints('axes', [1])],
        nodes: [
          node('ReduceSum', ['x', 'axes'], ['sums'], { keepdims: 0 }),
          node('Cast', ['sums'], ['y'], { to: T.FLOAT }),
        ],
      }),
      tensor(
        [
          [2 ** 24, 1, 1, 1],
          [1, 2, 3, 4],
          [-5, 0, 0, 2],
        ],
        { dtype: 'int32' },
      ),
    ));
});

/** The same, written as a file again: its nodes. */
async function passedOn(bytes: Uint8Array, x: Tensor): Promise<string[]> {
  const [want] = await run(bytes, [x]);
  const again = await exportOnnx(await planned(bytes, x), x, { opset: 19 });
  const [got] = await run(again, [x]);
  expectNear(got.data as Float32Array, want.data);
  return parse(again).graph.node.map(({ opType }) => opType);
}

describe.skipIf(!ort)('run on the backend alone, and can be written again', () => {
  it('bounds that are worked out: decibels within 80 of the loudest', () =>
    passedOn(
      file({
        inputs: [value('x', ['n', 3, 4])],
        outputs: ['y'],
        weights: [floats('eighty', [], [1.5]), floats('most', [], [Number.POSITIVE_INFINITY])],
        nodes: [
          node('ReduceMax', ['x'], ['loudest'], { keepdims: 0 }),
          node('Sub', ['loudest', 'eighty'], ['least']),
          node('Clip', ['x', 'least', 'most'], ['y']),
        ],
      }),
      randn([2, 3, 4]),
    ));

  it('an upper bound below the lower one', () =>
    passedOn(
      file({
        inputs: [value('x', [3, 4])],
        outputs: ['y'],
        weights: [floats('one', [], [1])],
        nodes: [
          node('ReduceMean', ['x'], ['mean'], { keepdims: 0 }),
          node('Sub', ['mean', 'one'], ['below']),
          node('Clip', ['x', 'mean', 'below'], ['y']),
        ],
      }),
      randn([3, 4]),
    ));

  it.each([
    { name: 'all of it', from: -1, to: -(2 ** 31), step: -1 },
    { name: 'every other one', from: -2, to: 0, step: -2 },
    { name: 'a few', from: 4, to: 1, step: -1 },
    { name: 'from beyond the end', from: 99, to: -99, step: -3 },
  ])(
    'slices that run backwards: $name',
    async ({ from, to, step }) =>
      void (await passedOn(
        file({
          inputs: [value('x', ['n', 2, 7])],
          outputs: ['y'],
          weights: [ints('from', [from]), ints('to', [to]), ints('axis', [2]), ints('step', [step])],
          nodes: [node('Slice', ['x', 'from', 'to', 'axis', 'step'], ['y'])],
        }),
        randn([3, 2, 7]),
      )),
  );

  const nine = [2, 3, 6, 9];
  it.each([
    { mode: 'reflect', shape: nine, pads: [0, 0, 5, 1, 0, 0, 2, 8], nodes: ['Pad'] },
    { mode: 'edge', shape: nine, pads: [0, 0, 0, 1, 0, 0, 12, 3], nodes: ['Pad'] },
    { mode: 'wrap', shape: nine, pads: [0, 0, 6, 1, 0, 0, 2, 0], nodes: ['Pad'] },
    { mode: 'reflect', shape: [2, 3, 300], pads: [0, 0, 128, 0, 0, 128], nodes: ['Pad'] },
    { mode: 'reflect', shape: [2, 40], pads: [0, 32, 0, 16], nodes: ['Reshape', 'Pad', 'Reshape'] },
    { mode: 'reflect', shape: [2, 40, 3], pads: [0, 32, 0, 0, 39, 0], nodes: ['Reshape', 'Pad', 'Reshape'] },
    // Cut off: by slices.
    { mode: 'reflect', shape: [1, 2, 5], pads: [0, 0, 2, 0, 0, -1], nodes: undefined },
  ])('what is padded by itself: $mode $pads of $shape', async ({ mode, shape, pads, nodes }) => {
    const parts = {
      inputs: [value('x', shape)],
      outputs: ['y'],
      weights: [ints('pads', pads)],
      nodes: [node('Pad', ['x', 'pads'], ['y'], { mode })],
    };
    const found = await passedOn(file(parts, { opset: 19 }), randn(shape));
    if (nodes) expect(found).toEqual(nodes);
  });

  it('integers that are padded by themselves stay integers', async () => {
    const bytes = file({
      inputs: [value('x', ['n', 3, 20, 20])],
      outputs: ['y'],
      weights: [floats('w', [4, 3, 3, 3]), floats('v', [4, 4, 9, 9]), ints('pads', [0, 0, 4, 4, 0, 0, 4, 4])],
      nodes: [
        node('Conv', ['x', 'w'], ['c'], { pads: [1, 1, 1, 1] }),
        node('Pad', ['c', 'pads'], ['p'], { mode: 'reflect' }),
        node('Conv', ['p', 'v'], ['y']),
      ],
    });
    const x = randn([1, 3, 20, 20]);
    const prepared = prepareFx(await importOnnx<Tensor>(bytes));
    noGrad(() => prepared.call(x));
    const int8 = await convertFx(prepared);
    expect(quantizationReport(int8)?.inFloat).toEqual([]);
    const written = parse(await exportOnnx(int8, x)).graph.node.map(({ opType }) => opType);
    expect(written.filter((op) => !/quantize/i.test(op))).toEqual(['Conv', 'Pad', 'Conv']);
  });
});

describe.skipIf(!ort)('layers of', () => {
  it('hard sigmoids of other slopes, which then have an int8 form', async () => {
    const hard = (more: object) =>
      file({
        inputs: [value('x', ['n', 3, 4, 4])],
        outputs: ['y'],
        weights: [floats('w', [5, 3, 1, 1]), floats('b', [5]), floats('v', [2, 5, 1, 1])],
        nodes: [
          node('Conv', ['x', 'w', 'b'], ['c']),
          node('HardSigmoid', ['c'], ['h'], { beta: { float: 0.5 }, ...more }),
          node('Conv', ['h', 'v'], ['y']),
        ],
      });
    const x = randn([2, 3, 4, 4]).mul(4);
    await planned(hard({ alpha: { float: 0.3 }, beta: { float: 0.4 } }), x);
    const model = await planned(hard({ alpha: { float: 0.2 } }), x);
    expect(model.modules().some((module) => module instanceof Hardsigmoid)).toBe(true);
    // The slope is in the weights.
    expect(model.graph.nodes.map(({ op }) => op)).toEqual(['Conv', 'HardSigmoid', 'Conv']);
    const prepared = prepareFx(model);
    noGrad(() => prepared.call(x));
    const int8 = await convertFx(prepared);
    expect(quantizationReport(int8)?.inFloat).toEqual([]);
  });

  it.each([
    { name: 'even', pads: [0, 0, 1, 2, 0, 0, 1, 2], mode: 'constant', ops: ['Conv'] },
    { name: 'uneven', pads: [0, 0, 0, 2, 0, 0, 1, 2], mode: 'constant', ops: ['Pad', 'Conv'] },
    { name: 'of channels', pads: [0, 1, 1, 1, 0, 0, 1, 1], mode: 'constant', ops: ['Pad', 'Conv'] },
    { name: 'reflected', pads: [0, 0, 1, 1, 0, 0, 1, 1], mode: 'reflect', ops: ['Pad', 'Conv'] },
  ])('convolutions with a Pad before them: $name', async ({ name, pads, mode, ops }) => {
    const channels = name === 'of channels' ? 4 : 3;
    const model = await planned(
      file({
        inputs: [value('x', ['n', 3, 5, 5])],
        outputs: ['y'],
        weights: [
          ...[floats('w', [2, channels, 3, 3]), ints('pads', pads)],
          ...['scale', 'shift', 'mean', 'variance'].map((n) => floats(n, [2], [1.5, 0.5])),
        ],
        nodes: [
          node('Pad', ['x', 'pads'], ['p'], { mode }),
          node('Conv', ['p', 'w'], ['c'], { pads: [0, 1, 0, 1] }),
          node('BatchNormalization', ['c', 'scale', 'shift', 'mean', 'variance'], ['y']),
        ],
      }),
      randn([2, 3, 5, 5]),
    );
    expect(model.graph.nodes.map(({ op }) => op)).toEqual([...ops, 'BatchNormalization']);
    const conv = model.modules().find((module) => 'padding' in module) as Conv2d;
    expect(conv.padding).toEqual(name === 'even' ? [1, 3] : [0, 1]);
  });
});
