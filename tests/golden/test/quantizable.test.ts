import path from 'node:path';
import { loadPt, ptStateDict } from '@octet/formats';
import { type AnyModule, LSTM, Module, ModuleList, MultiheadAttention } from '@octet/nn';
import {
  calibrate,
  convert,
  prepare,
  QConfigMapping,
  QuantStub,
  quantizable,
  quantized,
} from '@octet/quantization';
import type { PerTensorQParams, Tensor } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import { camelCase } from '../src/handlers/names';
import { qconfigs } from '../src/handlers/qconfigs';

// A file of PyTorch 2.13, made by torch/quantizable.py.

interface Case {
  kind: 'LSTM' | 'LSTMCell' | 'MultiheadAttention';
  args: [number, number];
  options: object;
  call: Record<string, unknown>;
  float: object;
  data: Tensor[][];
  calibrated: Tensor[][];
  int8: object;
  outputs: Tensor[];
}

const file = path.join(import.meta.dirname, '../torch/quantizable.pt');
const cases = Object.entries((await loadPt(file)) as unknown as Record<string, Case>);
const kinds = {
  LSTM: { float: LSTM, observed: quantizable.LSTM, int8: quantized.LSTM },
  // PyTorch's prepare takes a cell only as what it makes of one.
  LSTMCell: { float: quantizable.LSTMCell, observed: quantizable.LSTMCell, int8: quantizable.LSTMCell },
  MultiheadAttention: {
    float: MultiheadAttention,
    observed: quantizable.MultiheadAttention,
    int8: quantized.MultiheadAttention,
  },
};

/** The module between stubs, each of its inputs with one of its own; its outputs as one list. */
class Wrapped extends Module<Tensor[], Tensor[]> {
  readonly quants: ModuleList<QuantStub>;

  constructor(
    readonly module: AnyModule,
    inputs: number,
    private readonly options: object,
  ) {
    super();
    this.quants = new ModuleList(Array.from({ length: inputs }, () => new QuantStub()));
  }

  forward(...xs: Tensor[]): Tensor[] {
    const [x, ...rest] = xs.map((t, i) => this.quants.at(i).call(t));
    const isCell = this.module instanceof quantizable.LSTMCell;
    const given = isCell ? [rest] : rest.length > 0 ? [...rest, this.options] : [];
    return [this.module.call(x, ...given)].flat(3).filter((t): t is Tensor => t !== undefined);
  }
}

function wrappedOf(c: Case): Wrapped {
  const module: AnyModule = new kinds[c.kind].float(c.args[0], c.args[1], camelCase(c.options) as never);
  module.loadStateDict(ptStateDict(c.float));
  return new Wrapped(module, c.data[0].length, camelCase(c.call)).eval();
}

const mapping = () => new QConfigMapping().setGlobal(qconfigs.ptq_minmax);
const prepared = (c: Case) => prepare(wrappedOf(c), mapping());
const list = (t: Tensor) => Array.from(t.contiguous().dataSync(), Number);

function expectNear(got: readonly Tensor[], expected: readonly Tensor[], within: number): void {
  expect(got.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape));
  got.forEach((t, i) => {
    const want = list(expected[i]);
    list(t).forEach((v, j) => void expect(Math.abs(v - want[j])).toBeLessThanOrEqual(within));
  });
}

/** The same scales, and integers at most `within` apart. */
function expectIntegers(got: readonly Tensor[], expected: readonly Tensor[], within: number): void {
  got.forEach((t, i) => {
    const [a, b] = [t, expected[i]].map(({ qparams }) => qparams as PerTensorQParams);
    expect(a.zeroPoint).toBe(b.zeroPoint);
    expect(Math.abs(a.scale - b.scale)).toBeLessThanOrEqual(1e-6 * b.scale);
  });
  const integers = (t: Tensor) => t.intRepr();
  expectNear(got.map(integers), expected.map(integers), within);
}

describe.each(cases)('%s', (_, c) => {
  test('what calibrates gives PyTorch’s numbers', () => {
    const model = prepared(c);
    expect(model.module.constructor).toBe(kinds[c.kind].observed);
    c.calibrated.forEach((expected, i) => {
      expectNear(model.call(...c.data[i]), expected, 1e-6);
    });
  });

  test('calibrated and converted, it gives qnnpack’s integers', async () => {
    const model = prepared(c);
    await calibrate(model, c.data.slice(0, 2));
    const int8 = await convert(model);
    expect(int8.module.constructor).toBe(kinds[c.kind].int8);
    // Float sums before the observers may round otherwise.
    expectIntegers(int8.call(...c.data[2]), c.outputs, 1);
  });

  test('PyTorch’s int8 state dict loads strictly and gives its integers', async () => {
    const int8 = await convert(prepared(c), { requireCalibration: false });
    int8.loadStateDict(ptStateDict(c.int8));
    const inFloat = c.kind === 'MultiheadAttention';
    expectIntegers(int8.call(...c.data[2]), c.outputs, inFloat ? 1 : 0);
  });
});
