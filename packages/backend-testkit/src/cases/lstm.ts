import { type CasesOf, close, floats, full, integers, type KernelCase, output } from './case';
import { broken, inputsOf as common, dynamicAttrs, sizes } from './recurrent';

const inputsOf = (steps: number, n: number, hidden: number, biased: boolean) => ({
  ...common(steps, n, hidden, 4, biased),
  c0: floats(5, [n, hidden]),
});

function forward(): KernelCase<'lstm'>[] {
  const cases = sizes.flatMap(([steps, n, hidden], i): KernelCase<'lstm'>[] =>
    [true, false].map((kept) => {
      const biased = (i % 2 === 0) === kept;
      return {
        name: `${steps} steps of [${n},${hidden}]${biased ? ' + bias' : ''}${kept ? ', gates kept' : ''}`,
        inputs: { ...inputsOf(steps, n, hidden, biased), weight: floats(2, [4 * hidden, hidden], -0.5, 0.5) },
        outputs: {
          y: output('float32', [2, steps, n, hidden]),
          gates: kept ? output('float32', [steps, n, 4 * hidden]) : undefined,
        },
        attrs: {},
        tolerance: close,
      };
    }),
  );
  const [large, small] = [cases[4], cases[6]];
  return [
    ...cases,
    {
      ...large,
      name: 'gates far out: σ and tanh saturate',
      inputs: { ...large.inputs, x: floats(6, large.inputs.x.shape, -200, 200) },
    },
    {
      ...small,
      name: 'a NaN in one row stays there',
      inputs: { ...small.inputs, h0: broken(small.inputs.h0, 6) },
    },
  ];
}

function backward(): KernelCase<'lstmBackward'>[] {
  return sizes.map(([steps, n, hidden]) => ({
    name: `${steps} steps of [${n},${hidden}]`,
    inputs: {
      weight: floats(2, [4 * hidden, hidden], -0.5, 0.5),
      c0: floats(5, [n, hidden]),
      y: floats(6, [2, steps, n, hidden]),
      gates: floats(7, [steps, n, 4 * hidden], 0, 1),
      gradY: floats(8, [2, steps, n, hidden], -1, 1),
    },
    outputs: {
      gradX: output('float32', [steps, n, 4 * hidden]),
      gradH0: output('float32', [n, hidden]),
      gradC0: output('float32', [n, hidden]),
    },
    attrs: {},
    tolerance: { atol: 1e-5, rtol: 1e-5 },
  }));
}

function dynamic(): KernelCase<'qlstmDynamic'>[] {
  const cases = sizes.flatMap(([steps, n, hidden], i): KernelCase<'qlstmDynamic'>[] =>
    [false, true].map((reduceRange) => {
      const biased = (i % 2 === 0) !== reduceRange;
      const symmetric = i % 3 !== 0;
      const c = i % 4 < 2 ? 4 * hidden : 1;
      return {
        name:
          `${steps} steps of [${n},${hidden}]${biased ? ' + bias' : ''}${c > 1 ? ', per channel' : ''}` +
          `${symmetric ? '' : ', weight zero point'}${reduceRange ? ', 7 bits' : ''}`,
        inputs: { ...inputsOf(steps, n, hidden, biased), weight: integers(2, 'int8', [4 * hidden, hidden]) },
        outputs: { y: output('float32', [2, steps, n, hidden]) },
        attrs: dynamicAttrs(c, symmetric, reduceRange),
        // An h on the edge between two integers may fall to either side: no case has one.
        tolerance: { atol: 1e-5, rtol: 1e-5 },
      };
    }),
  );
  const first = cases[6];
  return [
    ...cases,
    {
      ...first,
      name: 'a NaN in h: all that comes after',
      inputs: { ...first.inputs, h0: broken(first.inputs.h0, 7) },
    },
    {
      ...first,
      name: 'infinite h: NaN in all that comes after',
      inputs: { ...first.inputs, h0: full('float32', first.inputs.h0.shape, -Infinity) },
    },
    {
      ...first,
      name: 'h begins as zeros',
      inputs: { ...first.inputs, h0: full('float32', first.inputs.h0.shape, 0) },
    },
    {
      ...first,
      name: 'h begins tiny',
      inputs: { ...first.inputs, h0: floats(4, first.inputs.h0.shape, -1e-6, 2e-6) },
    },
  ];
}

export const lstmCases: CasesOf<'lstm' | 'lstmBackward' | 'qlstmDynamic'> = {
  lstm: forward,
  lstmBackward: backward,
  qlstmDynamic: dynamic,
};
