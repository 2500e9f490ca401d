import { type CasesOf, floats, integers, output, summed } from './case';

const sizes = [
  { vocabulary: 1, width: 1, n: 1 },
  { vocabulary: 10, width: 3, n: 7 },
  { vocabulary: 5, width: 17, n: 40 },
  { vocabulary: 5, width: 3, n: 0 },
];

export const embeddingCases: CasesOf<'embedding' | 'embeddingBackward'> = {
  embedding: () =>
    sizes.map(({ vocabulary, width, n }) => ({
      name: `${n} of [${vocabulary},${width}]`,
      inputs: {
        weight: floats(1, [vocabulary, width]),
        index: integers(2, 'int32', [n], [0, vocabulary - 1]),
      },
      outputs: { y: output('float32', [n, width]) },
      attrs: {},
      tolerance: 'exact',
    })),
  embeddingBackward: () =>
    sizes.flatMap(({ vocabulary, width, n }) =>
      [-1, vocabulary - 1].map((paddingIdx) => ({
        name: `${n} of [${vocabulary},${width}], padding ${paddingIdx}`,
        inputs: { index: integers(3, 'int32', [n], [0, vocabulary - 1]), gradY: floats(4, [n, width]) },
        outputs: { gradWeight: output('float32', [vocabulary, width]) },
        attrs: { paddingIdx },
        tolerance: summed,
      })),
    ),
};
