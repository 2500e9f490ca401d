import type { GroupedIntegers } from '@octet/backend';
import {
  type CasesOf,
  floats,
  integers,
  type KernelCase,
  output,
  summed,
  tensor,
  withSpecials,
} from './case';

interface Form extends GroupedIntegers {
  readonly dtype: 'uint8' | 'int8';
  readonly zeros: boolean;
}

// [rows of weight, columns], below, at and beyond vectors, panels and units.
const forms: readonly (Form & { readonly of: readonly [n: number, k: number] })[] = [
  { of: [1, 1], bits: 8, groupSize: 1, dtype: 'int8', zeros: false },
  { of: [5, 7], bits: 8, groupSize: 7, dtype: 'int8', zeros: false },
  { of: [9, 40], bits: 8, groupSize: 40, dtype: 'uint8', zeros: true },
  { of: [17, 33], bits: 8, groupSize: 5, dtype: 'uint8', zeros: false },
  { of: [3, 64], bits: 8, groupSize: 32, dtype: 'int8', zeros: true },
  { of: [4, 64], bits: 4, groupSize: 32, dtype: 'uint8', zeros: false },
  { of: [13, 96], bits: 4, groupSize: 32, dtype: 'uint8', zeros: true },
  { of: [6, 21], bits: 4, groupSize: 21, dtype: 'uint8', zeros: true },
  { of: [35, 50], bits: 4, groupSize: 16, dtype: 'uint8', zeros: true },
  { of: [2, 600], bits: 4, groupSize: 128, dtype: 'uint8', zeros: false },
  { of: [3, 2500], bits: 4, groupSize: 2500, dtype: 'uint8', zeros: true },
];

const named = ({ of: [n, k], bits, groupSize, dtype, zeros }: (typeof forms)[number]) =>
  `[${n},${k}] of ${bits} bits${bits === 8 ? ` (${dtype})` : ''} in groups of ${groupSize}${zeros ? ', zero points' : ''}`;

function grouped({ of: [n, k], bits, groupSize, dtype, zeros }: (typeof forms)[number]) {
  const groups = Math.ceil(k / groupSize);
  return {
    weight: integers(1, dtype, [n, bits === 4 ? Math.ceil(k / 2) : k]),
    scale: floats(2, [n, groups], 0.01, 0.1),
    // No whole numbers: those of float ranges aren't.
    zeroPoint: zeros ? floats(3, [n, groups], -4, 20) : undefined,
  };
}

function linear(): KernelCase<'qlinearWeightOnly'>[] {
  const cases = forms.flatMap((form, i) =>
    [1, 3, 5, 50].map((m): KernelCase<'qlinearWeightOnly'> => {
      const [n, k] = form.of;
      const biased = (i + m) % 3 !== 0;
      return {
        name: `${m} rows by ${named(form)}${biased ? ' + bias' : ''}`,
        inputs: {
          x: floats(4, [m, k]),
          ...grouped(form),
          bias: biased ? floats(5, [n]) : undefined,
        },
        outputs: { y: output('float32', [m, n]) },
        attrs: { bits: form.bits, groupSize: form.groupSize },
        // x may have 16 bits. Sums are of about 50.
        tolerance: { atol: 5e-3, rtol: 1e-4 },
      };
    }),
  );
  const [few, many] = [cases[24], cases[27]];
  return [
    ...cases,
    ...[few, many].map((base) => ({
      ...base,
      name: `${base.name}: NaN and infinities`,
      inputs: { ...base.inputs, x: withSpecials(base.inputs.x.shape) },
    })),
    {
      ...few,
      name: 'no rows',
      inputs: { ...few.inputs, x: floats(4, [0, few.inputs.x.shape[1]]) },
      outputs: { y: output('float32', [0, few.outputs.y.shape[1]]) },
    },
  ];
}

function rows(): KernelCase<'qembedding'>[] {
  return forms.map((form) => {
    const [v, d] = form.of;
    const index = [0, v - 1, 0, Math.floor(v / 2), v - 1];
    return {
      name: `rows of ${named(form)}`,
      inputs: { ...grouped(form), index: tensor('int32', [index.length], index) },
      outputs: { y: output('float32', [index.length, d]) },
      attrs: { bits: form.bits, groupSize: form.groupSize },
      tolerance: summed,
    };
  });
}

export const groupedIntegerCases: CasesOf<'qlinearWeightOnly' | 'qembedding'> = {
  qlinearWeightOnly: linear,
  qembedding: rows,
};
