import { create } from '@bufbuild/protobuf';
import { GRU, LSTM, Module, RNN } from '@octet/nn';
import { manualSeed, noGrad, randn, type Tensor } from '@octet/tensor';
import { describe, expect, it, test } from 'vitest';
import { exportOnnx, importOnnx } from '../src';
import { TensorProto_DataType as T, TensorProtoSchema } from '../src/onnx.generated';
import { ort, run } from './engine';
import { file, floats, node, value } from './files';

class Sequence extends Module<[Tensor], Tensor> {
  static override readonly name = 'Sequence';

  constructor(readonly layer: GRU) {
    super();
  }

  forward(x: Tensor): Tensor {
    return this.layer.call(x)[0];
  }
}

test.each(
  [GRU].flatMap((Layer) =>
    [false, true].flatMap((bidirectional) =>
      [false, true].map((bias) => [Layer.name, { bidirectional, bias }, Layer] as const),
    ),
  ),
)('%s comes back as a layer: %j', async (_, options, Layer) => {
  manualSeed(1);
  const model = new Sequence(new Layer(3, 4, options)).eval();
  const x = randn([5, 2, 3]);
  const graph = await importOnnx(await exportOnnx(model, x));
  expect(graph.modules().some((module) => module instanceof Layer)).toBe(true);
  const [expected, actual] = noGrad(() => [model.call(x), graph.call(x)]);
  expect(actual.shape).toEqual(expected.shape);
  const want = expected.dataSync();
  for (const [i, v] of actual.dataSync().entries()) expect(v).toBeCloseTo(want[i], 5);
});

const kinds = { LSTM: [LSTM, 4], GRU: [GRU, 3], RNN: [RNN, 1] } as const;
const [steps, batch, size, hidden] = [5, 3, 4, 6];
const lengths = create(TensorProtoSchema, {
  ...{ name: 'lengths', dims: [BigInt(batch)], dataType: T.INT32 },
  int32Data: [5, 2, 4],
});

/** An operator on x [T, N, I] with weights in the file; y has all of its outputs. */
function fileOf(
  op: keyof typeof kinds,
  direction: string,
  attributes: Record<string, number | { float: number }>,
  given: { lengths?: boolean; states?: boolean; peepholes?: boolean },
): Uint8Array {
  const ways = direction === 'bidirectional' ? 2 : 1;
  const rows = kinds[op][1] * hidden;
  const states = given.states
    ? ['h0', ...(op === 'LSTM' ? ['c0'] : [])]
    : ['', ''].slice(0, op === 'LSTM' ? 2 : 1);
  const inputs = ['x', 'w', 'r', 'b', given.lengths ? 'lengths' : '', ...states];
  if (given.peepholes) inputs.push('p');
  const outputs = ['y', 'h', ...(op === 'LSTM' ? ['c'] : [])];
  const weights = [
    floats('w', [ways, rows, size]),
    floats('r', [ways, rows, hidden]),
    floats('b', [ways, 2 * rows]),
    floats('h0', [ways, batch, hidden]),
    floats('c0', [ways, batch, hidden]),
    floats('p', [ways, 3 * hidden]),
    lengths,
  ].filter(({ name }) => inputs.includes(name));
  return file(
    {
      inputs: [value('x', ['t', batch, size])],
      outputs,
      nodes: [node(op, inputs, outputs, { hidden_size: hidden, direction, ...attributes })],
      weights,
    },
    { opset: 17 },
  );
}

const ops = Object.keys(kinds) as (keyof typeof kinds)[];
const directions = ['forward', 'reverse', 'bidirectional'];
const after = { linear_before_reset: 1 };

describe.skipIf(!ort)("recurrent operators give onnxruntime's numbers", () => {
  const check = async (bytes: Uint8Array, isLayer: boolean, Layer: typeof LSTM | typeof GRU | typeof RNN) => {
    manualSeed(2);
    const x = randn([steps, batch, size]);
    const want = await run(bytes, [x]);
    const model = await importOnnx<Tensor[]>(bytes);
    expect(model.modules().some((module) => module instanceof Layer)).toBe(isLayer);
    const got = noGrad(() => model.call(x));
    expect(got.map(({ shape }) => shape)).toEqual(want.map(({ dims }) => dims));
    for (const [k, y] of got.entries())
      for (const [i, v] of y.dataSync().entries()) expect(v).toBeCloseTo(want[k].data[i], 5);
  };

  it.each(
    ops.flatMap((op) => directions.flatMap((d) => [false, true].map((states) => [op, d, states] as const))),
  )('%s %s, states given: %s: a layer', (op, direction, states) =>
    check(fileOf(op, direction, op === 'GRU' ? after : {}, { states }), true, kinds[op][0]),
  );

  it.each(ops.flatMap((op) => directions.map((d) => [op, d] as const)))(
    '%s %s of sequences of several lengths',
    (op, direction) =>
      check(
        fileOf(op, direction, op === 'GRU' ? after : {}, { lengths: true, states: true }),
        false,
        kinds[op][0],
      ),
  );

  it.each(directions)('GRU %s that resets before the product', (direction) =>
    check(fileOf('GRU', direction, {}, { states: true }), false, GRU),
  );

  it.each(directions)('LSTM %s with peepholes', (direction) =>
    check(fileOf('LSTM', direction, {}, { peepholes: true }), false, LSTM),
  );

  it('clips', () => check(fileOf('LSTM', 'forward', { clip: { float: 0.3 } }, {}), false, LSTM));
});
