import type { ModelInput } from '../inputs';

/** What the inputs are used for. */
export interface Split {
  /** Ranges and training see these. */
  readonly calibration: readonly ModelInput[];
  /** By these cures are chosen: ranges that fit the calibration alone are found out. */
  readonly choice: readonly ModelInput[];
  /** These chose nothing, unless `judgedOnOwn`. */
  readonly judgement: readonly ModelInput[];
  /** Whether the judgement had to take inputs that chose something. */
  readonly judgedOnOwn: boolean;
}

/** So many inputs are enough for three parts, and for two. */
const FOR_THREE = 12;
const FOR_TWO = 3;

/**
 * Every fifth input for the judgement and the one before it for the choice; of 3 to 11 every third for the choice and the judgement;
 * of less all for everything. Strides, since recordings are often sorted; `inOrder` makes parts of what follows one another.
 */
export function split(inputs: readonly ModelInput[], inOrder = false): Split {
  const part = (stride: number, ...at: number[]) =>
    inputs.filter((_, i) => at.includes(inOrder ? Math.floor((i * stride) / inputs.length) : i % stride));
  if (inputs.length >= FOR_THREE)
    return {
      calibration: part(5, 0, 1, 2),
      choice: part(5, 3),
      judgement: part(5, 4),
      judgedOnOwn: false,
    };
  if (inputs.length < FOR_TWO)
    return { calibration: inputs, choice: inputs, judgement: inputs, judgedOnOwn: true };
  const choice = part(3, 2);
  return { calibration: part(3, 0, 1), choice, judgement: choice, judgedOnOwn: true };
}
