import {
  type DType,
  DTypeError,
  type QuantizedDType,
  quantRange,
  roundHalfEven,
  type TableSource,
} from '@octet/backend';
import { denseInAnyOrder, emptyOn, run } from '../../kernel';
import type { PerTensorQParams, QParams } from '../../qparams';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';

type Table = Uint8Array | Int8Array;

interface KnownTable {
  readonly from: DType;
  readonly to: DType;
  readonly numbers: readonly unknown[];
  readonly table: Table;
}

/** The tables that each op made last, with what tells its functions apart: a layer asks for the same at every call. */
const tables = new Map<string, KnownTable[]>();
/** Of an op: as many as a large network has layers of a kind. */
const mostTables = 64;

function tableOf(op: string, from: DType, to: DType, numbers: readonly unknown[], make: () => Table): Table {
  let known = tables.get(op);
  if (!known) {
    known = [];
    tables.set(op, known);
  }
  for (let i = 0; i < known.length; i++) {
    const one = known[i];
    if (one.from === from && one.to === to && sameNumbers(one.numbers, numbers)) return one.table;
  }
  if (known.length === mostTables) known.shift();
  const table = make();
  known.push({ from, to, numbers, table });
  return table;
}

function sameNumbers(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

/**
 * y = f(q) for every integer of an 8-bit tensor: a table of 256 entries, made here once, gives the same integers on every
 * backend. `f` gets the stored integer and returns one of `dtype`'s (already clamped); `params` are its own parameters.
 * `numbers`: all that `f` depends on, beside `op` and the dtypes; with them the table of an earlier call is taken.
 */
export function quantizedLookup(
  op: string,
  x: Tensor,
  dtype: DType,
  qparams: QParams | undefined,
  f: (q: number) => number,
  params: Omit<TableSource, 'op'> = {},
  numbers?: readonly unknown[],
): Tensor {
  requireEightBits(op, x);
  const make = () => {
    const made = dtype === 'qint8' || dtype === 'int8' ? new Int8Array(256) : new Uint8Array(256);
    const first = quantRange[x.dtype as QuantizedDType][0];
    for (let i = 0; i < 256; i++) made[i] = f(first + i);
    return made;
  };
  const table = numbers ? tableOf(op, x.dtype, dtype, numbers, make) : make();
  return tidy(() => {
    const xd = denseInAnyOrder(x);
    const y = emptyOn(x, x.shape, { dtype, strides: xd.strides, qparams });
    run('qlookup', { x: xd }, { y }, { table, of: { op, ...params } });
    return y;
  });
}

/** The float32 number that the integer `q` stands for. */
export function dequantized(q: number, { scale, zeroPoint }: PerTensorQParams): number {
  return Math.fround((q - zeroPoint) * Math.fround(scale));
}

/** The integer of `dtype` nearest to the float32 value of `steps` (a multiple of the scale) above the zero point. */
export function rounded(steps: number, zeroPoint: number, dtype: QuantizedDType): number {
  const [min, max] = quantRange[dtype];
  return Math.min(Math.max(roundHalfEven(Math.fround(steps)) + zeroPoint, min), max);
}

/** @throws DTypeError unless `x` is quint8 or qint8. */
export function requireEightBits(op: string, x: Tensor): void {
  if (x.dtype === 'quint8' || x.dtype === 'qint8') return;
  throw new DTypeError({
    op,
    expected: 'a quantized tensor, quint8 or qint8',
    found: x.dtype,
    fix: 'Quantize it first: a QuantStub in the model, or tensor.quantizePerTensor(scale, zeroPoint, dtype).',
  });
}
