import { type PtKey, type PtValue, parsePt } from '@octet/formats';
import { Tensor } from '@octet/tensor';
import type { Output, Outputs } from '../compare';
import { readData } from '../data';
import type { GoldenCase } from '../golden-case';

/** What the file holds at one path, such as `optimizer.param_groups[0].lr`. */
type Entry =
  | { kind: 'dict' | 'list' | 'tuple'; len: number }
  | { kind: 'int' | 'float' | 'bool' | 'str' | 'none' | 'dtype'; value: unknown }
  | { kind: 'tensor'; dtype: string; shape: readonly number[] }
  | { kind: 'quantized'; dtype: string; qscheme: string; axis: number | null };

interface Params {
  /** Of the dict that the file holds, in order. */
  keys: readonly string[];
  entries: Readonly<Record<string, Entry>>;
}

/** The dtypes that are read as another. */
const readAs: Readonly<Record<string, string>> = {
  int64: 'int32',
  int16: 'int32',
  float16: 'float32',
  bfloat16: 'float32',
};

/** Reads a `.pt` file. @throws Error if what it holds, apart from the elements of tensors, isn't what `params` says */
export function pt({ pt: file, params }: GoldenCase<Params>): Outputs {
  if (file === undefined) throw new Error("the index names no 'pt' file");
  const value = parsePt(readData(file), { file });
  expectEqual('the keys', value && Object.keys(value), params.keys);
  const found = new Map<string, PtValue>();
  walk('', value, found);
  expectEqual('the paths', [...found.keys()], Object.keys(params.entries));

  const out: Record<string, Output> = {};
  for (const [path, entry] of Object.entries(params.entries)) {
    const value = found.get(path) as PtValue;
    expectEqual(path, describe(value, entry), entry);
    if (!(value instanceof Tensor)) continue;
    const q = value.qparams;
    out[q ? `${path}.int_repr` : path] = value;
    if (!q) continue;
    out[`${path}.scale`] = q.scheme === 'perTensor' ? q.scale : q.scales;
    out[`${path}.zero_point`] = q.scheme === 'perTensor' ? q.zeroPoint : q.zeroPoints;
  }
  return out;
}

/** Notes all that a container holds, by path, a container before what is in it. */
function walk(path: string, value: PtValue, found: Map<string, PtValue>): void {
  for (const [step, child] of children(value)) {
    const at = Array.isArray(value) ? `${path}[${step}]` : `${path === '' ? '' : `${path}.`}${step}`;
    found.set(at, child);
    walk(at, child, found);
  }
}

function children(value: PtValue): [PtKey, PtValue][] {
  if (typeof value !== 'object' || value === null || value instanceof Tensor) return [];
  return [...(value instanceof Map || Array.isArray(value) ? value.entries() : Object.entries(value))];
}

/** The value in the terms of `entry`, of which lists and tuples, ints and floats, texts and dtypes have become one. */
function describe(value: PtValue, { kind }: Entry): unknown {
  if (!(value instanceof Tensor)) {
    if (typeof value !== 'object' || value === null) return { kind: valueKind(value, kind), value };
    const container = Array.isArray(value) ? (kind === 'tuple' ? kind : 'list') : 'dict';
    return { kind: container, len: children(value).length };
  }
  const { dtype, shape, qparams: q } = value;
  if (!q) return { kind: 'tensor', dtype, shape };
  return q.scheme === 'perTensor'
    ? { kind: 'quantized', dtype, qscheme: 'per_tensor_affine', axis: null }
    : { kind: 'quantized', dtype, qscheme: 'per_channel_affine', axis: q.axis };
}

function valueKind(value: unknown, kind: Entry['kind']): string {
  if (value === null) return 'none';
  if (typeof value === 'string') return kind === 'dtype' ? kind : 'str';
  if (typeof value !== 'number') return typeof value === 'boolean' ? 'bool' : typeof value;
  return kind === 'int' && Number.isInteger(value) ? 'int' : 'float';
}

function expectEqual(what: string, got: unknown, expected: unknown): void {
  const want = JSON.stringify(expected, (key, v) => (key === 'dtype' ? (readAs[v] ?? v) : v));
  if (JSON.stringify(got) !== want) throw new Error(`${what}: expected ${want}, got ${JSON.stringify(got)}`);
}
