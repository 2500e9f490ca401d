import { type CasesOf, floats, output, summed } from './case';

const shapes = [
  [2, 1],
  [3, 3],
  [7, 5],
  [67, 19],
  [200, 16],
] as const;

const affine = [true, false];
const named = (shape: readonly number[], weighted: boolean) =>
  `[${shape}]${weighted ? ', weight and bias' : ''}`;

export const normCases: CasesOf<
  'batchNormTrain' | 'batchNormEval' | 'batchNormBackward' | 'layerNorm' | 'layerNormBackward'
> = {
  batchNormTrain: () =>
    shapes.flatMap(([r, c]) =>
      affine.flatMap((weighted) =>
        [true, false].map((running) => ({
          name: `${named([r, c], weighted)}${running ? ', running statistics' : ''}`,
          inputs: {
            x: floats(1, [r, c], 1, 4),
            weight: weighted ? floats(2, [c]) : undefined,
            bias: weighted ? floats(3, [c]) : undefined,
          },
          outputs: {
            y: output('float32', [r, c]),
            saveMean: output('float32', [c]),
            saveInvStd: output('float32', [c]),
            runningMean: running ? floats(4, [c]) : undefined,
            runningVar: running ? floats(5, [c], 0.5, 2) : undefined,
          },
          attrs: weighted ? { eps: 1e-5, momentum: 0.1 } : { eps: 0.5, momentum: 0.3 },
          tolerance: summed,
        })),
      ),
    ),
  batchNormEval: () =>
    shapes.flatMap(([r, c]) =>
      affine.map((weighted) => ({
        name: named([r, c], weighted),
        inputs: {
          x: floats(1, [r, c], 1, 4),
          mean: floats(2, [c], 1, 4),
          variance: floats(3, [c], 0.1, 2),
          weight: weighted ? floats(4, [c]) : undefined,
          bias: weighted ? floats(5, [c]) : undefined,
        },
        outputs: { y: output('float32', [r, c]) },
        attrs: { eps: weighted ? 1e-3 : 0.1 },
        tolerance: summed,
      })),
    ),
  batchNormBackward: () =>
    shapes.flatMap(([r, c]) =>
      affine.flatMap((weighted) =>
        [true, false].map((training) => ({
          name: `${named([r, c], weighted)}${training ? ', training' : ''}`,
          inputs: {
            x: floats(1, [r, c], -1, 1),
            gradY: floats(2, [r, c]),
            mean: floats(3, [c], -0.1, 0.1),
            invStd: floats(4, [c], 0.5, 1.5),
            weight: weighted ? floats(5, [c]) : undefined,
          },
          outputs: {
            gradX: output('float32', [r, c]),
            gradWeight: output('float32', [c]),
            gradBias: output('float32', [c]),
          },
          attrs: { training },
          tolerance: summed,
        })),
      ),
    ),
  layerNorm: () =>
    shapes
      .filter(([, c]) => c > 1)
      .flatMap(([r, c]) =>
        affine.map((weighted) => ({
          name: named([r, c], weighted),
          inputs: {
            x: floats(1, [r, c], -1, 4),
            weight: weighted ? floats(2, [c]) : undefined,
            bias: weighted ? floats(3, [c]) : undefined,
          },
          outputs: {
            y: output('float32', [r, c]),
            mean: output('float32', [r]),
            invStd: output('float32', [r]),
          },
          attrs: { eps: weighted ? 1e-5 : 0.5 },
          tolerance: summed,
        })),
      ),
  layerNormBackward: () =>
    shapes.flatMap(([r, c]) =>
      affine.map((weighted) => ({
        name: named([r, c], weighted),
        inputs: {
          x: floats(1, [r, c], -1, 1),
          gradY: floats(2, [r, c]),
          mean: floats(3, [r], -0.1, 0.1),
          invStd: floats(4, [r], 0.5, 1.5),
          weight: weighted ? floats(5, [c]) : undefined,
        },
        outputs: {
          gradX: output('float32', [r, c]),
          gradWeight: output('float32', [c]),
          gradBias: output('float32', [c]),
        },
        attrs: {},
        tolerance: summed,
      })),
    ),
};
