import { type CasesOf, floats, output, summed } from './case';

// Below, at and beyond the tiles of a vector kernel, in every direction.
const products = [
  [1, 1, 1],
  [1, 7, 3],
  [3, 1, 7],
  [7, 3, 1],
  [4, 16, 8],
  [5, 17, 9],
  [13, 33, 27],
  [1, 300, 10],
  [67, 31, 12],
  [0, 5, 3],
] as const;

const clamps = [undefined, [0, Infinity], [-1, 1.5]] as const;
const clamped = (clamp: (typeof clamps)[number]) => (clamp ? `, clamp ${clamp}` : '');

export const matmulCases: CasesOf<'matmul' | 'linear'> = {
  matmul: () =>
    [
      ...products.map(([m, k, n]) => ({ m, k, n, batch: 1, ba: 1, bb: 1 })),
      { m: 5, k: 7, n: 3, batch: 0, ba: 0, bb: 0 },
      { m: 5, k: 7, n: 3, batch: 3, ba: 3, bb: 3 },
      { m: 5, k: 7, n: 3, batch: 3, ba: 1, bb: 3 },
      { m: 5, k: 7, n: 3, batch: 3, ba: 3, bb: 1 },
      { m: 5, k: 7, n: 3, batch: 3, ba: 1, bb: 1 },
    ].flatMap(({ m, k, n, batch, ba, bb }) =>
      [false, true].flatMap((transposeA) =>
        [false, true].flatMap((transposeB) =>
          (transposeA === transposeB ? clamps : [undefined]).map((clamp) => ({
            name:
              `[${ba},${m},${k}] x [${bb},${k},${n}]` +
              `${transposeA ? ', a transposed' : ''}${transposeB ? ', b transposed' : ''}${clamped(clamp)}`,
            inputs: {
              a: floats(1, transposeA ? [ba, k, m] : [ba, m, k]),
              b: floats(2, transposeB ? [bb, n, k] : [bb, k, n]),
            },
            outputs: { y: output('float32', [batch, m, n]) },
            attrs: { transposeA, transposeB, clamp },
            tolerance: summed,
          })),
        ),
      ),
    ),
  linear: () =>
    products.flatMap(([m, k, n]) =>
      [true, false].flatMap((biased) =>
        clamps.map((clamp) => ({
          name: `[${m},${k}] x [${n},${k}]${biased ? ' + bias' : ''}${clamped(clamp)}`,
          inputs: {
            x: floats(3, [m, k]),
            weight: floats(4, [n, k]),
            bias: biased ? floats(5, [n]) : undefined,
          },
          outputs: { y: output('float32', [m, n]) },
          attrs: { clamp },
          tolerance: summed,
        })),
      ),
    ),
};
