import { slice, type Tensor, unsqueeze } from '@octet/tensor';
import { SampleError } from './errors';
import { type InputInfo, shapeText } from './input';

/** Arrays by name, from one file. */
export type Arrays = Readonly<Record<string, Tensor>>;

/**
 * The samples in a file of arrays, each a tensor for each input. Arrays are called as the inputs are, with all samples along
 * dim 0; or `0.in.NAME`, `1.in.NAME`, … with one each. A single array is that of a single input, whatever its name.
 *
 * @throws SampleError for arrays that are missing, or of other shapes
 */
export function samplesOfArrays(file: string, arrays: Arrays, inputs: readonly InputInfo[]): Tensor[][] {
  const numbered = new Map<number, Map<string, Tensor>>();
  for (const [key, value] of Object.entries(arrays)) {
    const [, index, name] = /^(\d+)\.in\.(.*)$/s.exec(key) ?? [];
    if (index === undefined) continue;
    const sample = numbered.get(Number(index)) ?? new Map<string, Tensor>();
    numbered.set(Number(index), sample.set(name, value));
  }
  if (numbered.size > 0)
    return [...numbered.keys()]
      .sort((a, b) => a - b)
      .map((index) => pick(file, numbered.get(index) ?? new Map(), inputs));
  const names = Object.keys(arrays);
  const only = inputs.length === 1 && names.length === 1;
  const byName = new Map(Object.entries(only ? { [inputs[0].name]: arrays[names[0]] } : arrays));
  return rows(pick(file, byName, inputs, false), inputs);
}

function pick(
  file: string,
  arrays: ReadonlyMap<string, Tensor>,
  inputs: readonly InputInfo[],
  exact = true,
): Tensor[] {
  return inputs.map((input) => {
    const found = arrays.get(input.name);
    if (!found)
      throw new SampleError({
        op: 'octet',
        expected: `an array '${input.name}' in '${file}'`,
        found: [...arrays.keys()].slice(0, 8).join(', ') || 'none',
        fix: "Call the arrays as the model's inputs: octet info lists them.",
      });
    const rank = input.shape?.length;
    const fits = rank === undefined || found.dim === rank || (!exact && found.dim === rank - 1);
    if (!fits)
      throw new SampleError({
        op: 'octet',
        expected: `'${input.name}' of '${file}' to be ${shapeText(input)}`,
        found: `[${found.shape.join(', ')}]`,
        fix: 'Reshape it.',
      });
    return cast(found.dim === rank || rank === undefined ? found : unsqueeze(found, 0), input);
  });
}

function cast(t: Tensor, { dtype }: InputInfo): Tensor {
  return dtype === undefined || t.dtype === dtype ? t : t.to(dtype);
}

/** One sample a row, where all inputs have as many rows and the model takes one at a time, or any number. */
function rows(batch: Tensor[], inputs: readonly InputInfo[]): Tensor[][] {
  const count = batch[0].shape[0];
  const apart =
    count > 1 &&
    batch.every((t) => t.shape[0] === count) &&
    inputs.every(({ shape }) => shape === undefined || shape[0] === 1 || typeof shape[0] === 'string');
  if (!apart) return [batch];
  return Array.from({ length: count }, (_, i) => batch.map((t) => slice(t, 0, i, i + 1)));
}
