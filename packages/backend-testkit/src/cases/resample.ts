import type { ResampleAttrs } from '@octet/backend';
import { type CasesOf, close, floats, integers, type KernelCase, output, withSpecials } from './case';

interface Axis {
  index: Int32Array;
  weight: Float32Array;
}

/** `taps` places of `from` for each of `to`, spread over them, with weights of which one is 0 now and then. */
function axis(from: number, to: number, taps: number, signed = false): Axis {
  const index = Int32Array.from({ length: to * taps }, (_, i) => {
    const start = Math.floor((Math.floor(i / taps) * from) / to);
    return Math.min(start + (i % taps), from - 1);
  });
  const weight = Float32Array.from({ length: to * taps }, (_, i) => {
    if (taps === 1) return 1;
    if (i % 7 === 3) return 0;
    const share = (1 + ((i * 5) % 8)) / (4.5 * taps);
    return signed && i % 4 === 0 ? -share : share;
  });
  return { index, weight };
}

interface Sizes {
  name: string;
  x: [number, number, number, number];
  to: [number, number];
  taps: [number, number];
  signed?: boolean;
}

const sizes: readonly Sizes[] = [
  { name: 'one pixel', x: [1, 1, 1, 1], to: [1, 1], taps: [1, 1] },
  { name: 'nearest, twice as large', x: [2, 3, 5, 32], to: [6, 10], taps: [1, 1] },
  { name: 'nearest, uneven', x: [1, 5, 7, 3], to: [7, 4], taps: [1, 1] },
  { name: 'nearest, 17 channels', x: [2, 2, 3, 17], to: [5, 8], taps: [1, 1] },
  { name: 'nearest, to one column', x: [1, 4, 6, 5], to: [9, 1], taps: [1, 1] },
  { name: 'linear, twice as large', x: [2, 4, 5, 8], to: [8, 10], taps: [2, 2] },
  { name: 'linear, one channel', x: [1, 5, 6, 1], to: [3, 13], taps: [2, 2] },
  { name: 'linear, 19 channels, smaller', x: [1, 9, 8, 19], to: [4, 3], taps: [2, 2] },
  { name: 'linear in rows alone', x: [2, 4, 5, 6], to: [7, 5], taps: [2, 1] },
  { name: 'linear in columns alone', x: [1, 4, 5, 6], to: [4, 9], taps: [1, 2] },
  { name: 'cubic', x: [1, 6, 7, 5], to: [11, 9], taps: [4, 4], signed: true },
  { name: 'many taps', x: [1, 9, 11, 4], to: [3, 2], taps: [5, 7] },
  { name: 'an empty batch', x: [0, 3, 4, 2], to: [6, 8], taps: [2, 2] },
];

function attrsOf({ x, to, taps, signed }: Sizes): ResampleAttrs {
  const rows = axis(x[1], to[0], taps[0], signed);
  const columns = axis(x[2], to[1], taps[1], signed);
  return {
    rowIndex: rows.index,
    rowWeight: rows.weight,
    columnIndex: columns.index,
    columnWeight: columns.weight,
  };
}

const outputShape = ({ x: [n, , , c], to: [h, w] }: Sizes) => [n, h, w, c];

export const resampleCases: CasesOf<'resample2d' | 'qresample2d'> = {
  resample2d: () =>
    sizes.flatMap((s): KernelCase<'resample2d'>[] =>
      [floats(1, s.x), withSpecials(s.x)].map((x, i) => ({
        name: `${s.name}${i === 0 ? '' : ', NaN and infinities'}`,
        inputs: { x },
        outputs: { y: output('float32', outputShape(s)) },
        attrs: attrsOf(s),
        tolerance: s.taps[0] * s.taps[1] === 1 ? 'exact' : close,
      })),
    ),
  qresample2d: () =>
    sizes.flatMap((s) =>
      (['uint8', 'int8'] as const).map(
        (dtype): KernelCase<'qresample2d'> => ({
          name: `${s.name}, ${dtype}`,
          inputs: { x: integers(2, dtype, s.x) },
          outputs: { y: output(dtype, outputShape(s)) },
          attrs: { ...attrsOf(s) },
          tolerance: 'exact',
        }),
      ),
    ),
};
