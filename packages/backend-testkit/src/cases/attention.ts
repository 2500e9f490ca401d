import type { KernelInputs, KernelTable } from '@octet/backend';
import { type CasesOf, type CaseTensor, floats, type KernelCase, output, tensor, withSpecials } from './case';

interface Size {
  /** Batches, heads of q, heads of k and v, rows, keys, width of q and k, width of v. */
  readonly of: readonly [N: number, H: number, G: number, L: number, S: number, E: number, D: number];
  readonly causal?: boolean;
  /** The mask's first three sizes. */
  readonly bool?: readonly [number, number, number];
  readonly added?: readonly [number, number, number];
  readonly scale?: number;
}

// Below, at and beyond vectors, tiles, blocks of rows and of keys, and few rows.
const sizes: readonly Size[] = [
  { of: [1, 1, 1, 1, 1, 1, 1] },
  { of: [2, 3, 3, 5, 7, 6, 5], scale: 0.3 },
  { of: [1, 2, 2, 1, 33, 16, 16] },
  { of: [1, 4, 2, 3, 9, 8, 20], scale: 0.25 },
  { of: [2, 4, 2, 6, 10, 5, 3], causal: true },
  { of: [1, 1, 1, 50, 200, 7, 9] },
  { of: [1, 2, 1, 60, 60, 12, 33], causal: true },
  { of: [1, 1, 1, 9, 400, 4, 4], causal: true },
  { of: [1, 1, 1, 210, 400, 4, 4], causal: true },
  { of: [1, 6, 2, 7, 19, 40, 130] },
  { of: [2, 2, 2, 5, 11, 4, 8], bool: [2, 2, 5] },
  { of: [2, 2, 1, 5, 11, 4, 8], bool: [2, 1, 1] },
  { of: [2, 2, 2, 3, 11, 4, 8], bool: [1, 2, 3] },
  { of: [2, 2, 2, 5, 11, 4, 8], added: [2, 2, 5] },
  { of: [2, 2, 2, 5, 11, 4, 8], added: [1, 1, 5] },
  { of: [2, 2, 2, 2, 11, 4, 8], added: [1, 2, 1] },
  { of: [1, 1, 1, 8, 420, 6, 6], added: [1, 1, 8] },
  { of: [1, 2, 1, 51, 201, 6, 6], bool: [1, 2, 51], causal: true },
  { of: [0, 2, 2, 3, 4, 5, 6] },
  { of: [1, 2, 2, 0, 4, 5, 6] },
  { of: [1, 2, 2, 3, 0, 5, 6] },
];

const named = ({ of: [n, h, g, l, s, e, d], causal, bool, added }: Size) =>
  `[${n},${h},${l},${e}] of ${s} keys in ${g} heads, values of ${d}` +
  `${causal ? ', causal' : ''}${bool ? `, mask [${bool}]` : ''}${added ? `, added [${added}]` : ''}`;

/** Bools of which a third is false; the second row, or the only one, is false throughout. */
function bools(shape: readonly number[]): CaseTensor {
  const [rows, keys] = shape.slice(2);
  const x = floats(9, shape, 0, 1);
  const values = Array.from(x.data, (v, i) => (Math.floor(i / keys) % rows === 1 || v < 0.3 ? 0 : 1));
  return tensor('bool', shape, values);
}

/** Numbers of which some are -infinity; the second row is throughout. */
function additive(shape: readonly number[]): CaseTensor {
  const [rows, keys] = shape.slice(2);
  const x = floats(9, shape, -3, 3);
  const values = Array.from(x.data, (v, i) =>
    Math.floor(i / keys) % rows === 1 || i % 7 === 3 ? Number.NEGATIVE_INFINITY : v,
  );
  return tensor('float32', shape, values);
}

function inputsOf({ of: [n, h, g, l, s, e, d], bool, added }: Size) {
  return {
    q: floats(1, [n, h, l, e]),
    k: floats(2, [n, g, s, e]),
    v: floats(3, [n, g, s, d]),
    mask: bool ? bools([...bool, s]) : added ? additive([...added, s]) : undefined,
  };
}

const close = { atol: 2e-5, rtol: 1e-4 };

function forward(): KernelCase<'attention'>[] {
  const cases = sizes.map((size, i): KernelCase<'attention'> => {
    const [n, h, , l, , , d] = size.of;
    const kept = i % 3 !== 1;
    return {
      name: `${named(size)}${kept ? ', sums kept' : ''}`,
      inputs: inputsOf(size),
      outputs: {
        y: output('float32', [n, h, l, d]),
        logSum: kept ? output('float32', [n, h, l]) : undefined,
      },
      attrs: { scale: size.scale ?? 0.5, causal: size.causal ?? false },
      tolerance: close,
    };
  });
  const change = (
    base: KernelCase<'attention'>,
    name: string,
    inputs: Partial<KernelInputs<KernelTable['attention'], CaseTensor>>,
  ) => ({ ...base, name, inputs: { ...base.inputs, ...inputs } });
  const several = cases[5];
  const few = cases[3];
  return [
    ...cases,
    ...[several, few].flatMap((base) => [
      change(base, `${base.name}: scores far apart`, { q: floats(5, base.inputs.q.shape, -100, 100) }),
      change(base, `${base.name}: NaN and infinities in q`, { q: withSpecials(base.inputs.q.shape) }),
      change(base, `${base.name}: NaN in v`, { v: withSpecials(base.inputs.v.shape, [Number.NaN]) }),
    ]),
  ];
}

function backward(): KernelCase<'attentionBackward'>[] {
  return sizes.map((size): KernelCase<'attentionBackward'> => {
    const [n, h, g, l, s, e, d] = size.of;
    const inputs = inputsOf(size);
    const lengths = floats(7, [n, h, l], 1, 3);
    // Where all is masked the sum is none.
    if (inputs.mask) {
      const rows = inputs.mask.shape[2];
      for (let i = 0; i < lengths.data.length; i++) {
        if (rows > 1 && i % l === 1) lengths.data[i] = Number.NEGATIVE_INFINITY;
      }
    }
    return {
      name: named(size),
      inputs: {
        ...inputs,
        y: floats(6, [n, h, l, d]),
        logSum: lengths,
        gradY: floats(8, [n, h, l, d], -1, 1),
      },
      outputs: {
        gradQ: output('float32', [n, h, l, e]),
        gradK: output('float32', [n, g, s, e]),
        gradV: output('float32', [n, g, s, d]),
      },
      attrs: { scale: size.scale ?? 0.25, causal: size.causal ?? false },
      tolerance: { atol: 1e-4, rtol: 1e-3 },
    };
  });
}

export const attentionCases: CasesOf<'attention' | 'attentionBackward'> = {
  attention: forward,
  attentionBackward: backward,
};
