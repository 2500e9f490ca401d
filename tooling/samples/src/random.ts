import { numel } from '@octet/backend';
import { fromData, rand, type Tensor } from '@octet/tensor';
import { SampleError } from './errors';
import { type InputInfo, type ReadOptions, shapeText } from './input';

const RANDOM_SAMPLES = 8;

/** Uniform noise of 0 … 1 for each input, some of it. @throws SampleError for an input whose sizes aren't known */
export function randomSamples(
  inputs: readonly InputInfo[],
  { size, shapes: said = {}, dims = {}, limit = RANDOM_SAMPLES }: ReadOptions = {},
): Tensor[][] {
  const shapes = inputs.map((input) => {
    const { shape } = input;
    if (Object.hasOwn(said, input.name)) return [...said[input.name]];
    const sizes = shape?.map((dim, i) => {
      if (typeof dim === 'number') return dim;
      const ofImage = shape.length === 4 && size ? { 2: size[0], 3: size[1] }[i] : undefined;
      return dims[dim] ?? ofImage ?? (i === 0 ? 1 : undefined);
    });
    if (sizes?.every((n) => n !== undefined)) return sizes as number[];
    throw new SampleError({
      op: 'octet',
      expected: 'inputs whose sizes are known, for random data',
      found: `'${input.name}' ${shapeText(input)}`,
      fix: `Say the sizes: --shape ${input.name}=1,512, --dim name=32, or --size 224x224 for images.`,
    });
  });
  return Array.from({ length: Math.min(limit, RANDOM_SAMPLES) }, () =>
    shapes.map((shape, i) => randomOf(shape, inputs[i])),
  );
}

/** Floats of 0 … 1, and zeros for whole numbers: others might be no index of anything. */
function randomOf(shape: number[], { dtype = 'float32' }: InputInfo): Tensor {
  if (dtype === 'float32') return rand(shape);
  return fromData(new Float32Array(numel(shape)), shape).to(dtype);
}
