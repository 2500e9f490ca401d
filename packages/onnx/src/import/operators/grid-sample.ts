import { ArgumentError } from '@octet/backend';
import type { Tensor } from '@octet/tensor';
import type { OnnxNode, Operand } from '../node';
import type { OnnxOperator } from '../table';
import { onBackend } from './helpers';

/** How much each of the neighbours counts, from the first at `floor(position) + first` on. */
interface Taps {
  readonly first: number;
  readonly count: number;
  /** For the distance from the floor, 0 to 1, and the number of the neighbour. */
  weight(fraction: Tensor, k: number): Tensor | undefined;
}

/** Keys' kernel with a = -0.75, as PyTorch's. */
function cubic(fraction: Tensor, k: number): Tensor {
  const a = -0.75;
  // The distance from the neighbour: 1 + t, t, 1 - t, 2 - t.
  const d = k < 2 ? fraction.add(1 - k) : fraction.affine(-1, k - 1);
  return k === 1 || k === 2
    ? d
        .mul(a + 2)
        .sub(a + 3)
        .mul(d.square())
        .add(1)
    : d.sub(5).mul(d).add(8).mul(d).sub(4).mul(a);
}

const linear: Taps = {
  first: 0,
  count: 2,
  weight: (fraction, k) => (k === 0 ? fraction.affine(-1, 1) : fraction),
};

const modes: Readonly<Record<string, Taps>> = {
  nearest: { first: 0, count: 1, weight: () => undefined },
  bilinear: linear,
  linear,
  bicubic: { first: -1, count: 4, weight: cubic },
  cubic: { first: -1, count: 4, weight: cubic },
};

/** Whole positions outside of 0 to n - 1 as those inside that stand for them. */
function inside(at: Tensor, padding: string, align: boolean, n: number): Tensor {
  if (padding !== 'reflection') return at.clamp(0, n - 1);
  if (align) {
    if (n === 1) return at.mul(0);
    const r = at.remainder(2 * (n - 1));
    return r.minimum(r.affine(-1, 2 * (n - 1)));
  }
  const r = at.remainder(2 * n);
  return r.minimum(r.affine(-1, 2 * n - 1));
}

/** x [N, C, …] read at the positions of a grid [N, …, D], each from -1 to 1, the last dim of x first. */
function gridSample(x: Tensor, grid: Tensor, taps: Taps, padding: string, align: boolean): Tensor {
  const [n, c, ...sizes] = x.shape;
  const dims = sizes.length;
  const fits = dims > 0 && grid.dim === dims + 2 && grid.shape[0] === n && grid.shape[dims + 1] === dims;
  if (!fits || x.numel === 0) {
    throw new ArgumentError({
      op: 'GridSample',
      expected: `elements, and a grid [${n}, …, ${dims}] of ${dims + 2} dims`,
      found: `x [${x.shape}] and a grid [${grid.shape}]`,
      fix: 'Check the sizes of the inputs.',
    });
  }
  const points = grid.shape.slice(1, -1);
  const count = points.reduce((a, b) => a * b, 1);
  const flat = grid.reshape([n, count, dims]);
  // By dim of x: for each neighbour its place and its weight.
  const neighbours = sizes.map((size, d) => {
    const g = flat.select(2, dims - 1 - d);
    const at = align ? g.affine((size - 1) / 2, (size - 1) / 2) : g.affine(size / 2, (size - 1) / 2);
    const floor = taps.count === 1 ? at.round() : at.floor();
    const fraction = at.sub(floor);
    return Array.from({ length: taps.count }, (_, k) => {
      const to = floor.add(taps.first + k);
      const weight = taps.weight(fraction, k);
      const there = padding === 'zeros' ? to.ge(0).logicalAnd(to.le(size - 1)) : undefined;
      return { place: inside(to, padding, align, size).to('int32'), weight, there };
    });
  });
  const values = x.reshape([n, c, x.numel / (n * c)]);
  let y: Tensor | undefined;
  for (let i = 0; i < taps.count ** dims; i++) {
    let rest = i;
    let place: Tensor | undefined;
    let weight: Tensor | undefined;
    let there: Tensor | undefined;
    for (const [d, size] of sizes.entries()) {
      const tap = neighbours[d][rest % taps.count];
      rest = Math.floor(rest / taps.count);
      place = place ? place.mul(size).add(tap.place) : tap.place;
      weight = weight && tap.weight ? weight.mul(tap.weight) : (weight ?? tap.weight);
      there = there && tap.there ? there.logicalAnd(tap.there) : (there ?? tap.there);
    }
    const index = (place as Tensor).reshape([n, 1, count]).expand([n, c, count]);
    const found = values.gather(2, index);
    const scaled = weight ? found.mul(weight.reshape([n, 1, count])) : found;
    const part = there ? scaled.where(there.reshape([n, 1, count]), 0) : scaled;
    y = y ? y.add(part) : part;
  }
  return (y as Tensor).reshape([n, c, ...points]);
}

function importGridSample(node: OnnxNode): Operand {
  const mode = node.string('mode', 'linear');
  const padding = node.string('padding_mode', 'zeros');
  const align = node.flag('align_corners');
  const taps = modes[mode] ?? node.unsupported(`mode ${mode.slice(0, 80)}`);
  if (!['zeros', 'border', 'reflection'].includes(padding))
    node.unsupported(`padding_mode ${padding.slice(0, 80)}`);
  return node.call1(
    onBackend((x, grid) => gridSample(x, grid, taps, padding, align)),
    node.inputs,
    { rank: node.input(0).rank, fold: false },
  );
}

export const gridSampling = (): readonly OnnxOperator[] => [
  { op: 'GridSample', since: 16, inputs: 2, import: importGridSample },
];
