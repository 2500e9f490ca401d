import { ArgumentError, AutogradError, checkOptions, DTypeError } from '@octet/backend';
import { enableGrad, grad, noGrad } from './autograd';
import { fromData } from './factory';
import { Generator } from './random';
import { Storage } from './storage';
import { Tensor } from './tensor';

export interface GradcheckOptions {
  /** Half the distance of the two points of a difference. */
  eps?: number;
  atol?: number;
  rtol?: number;
}

/**
 * Compares the gradients of `fn` with central differences: (f(x + eps) - f(x - eps)) / 2 eps for each element of each
 * input that requires a gradient, where f is the sum of all outputs times fixed random numbers. float64 only: in float32
 * the differences drown in rounding. `fn` must give the same for the same inputs and not change them.
 *
 * @throws AutogradError naming input, index and both numbers where they differ by more than atol + rtol · |numeric|.
 */
export function gradcheck(
  fn: (...inputs: Tensor[]) => Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): void {
  const { eps = 1e-6, atol = 1e-5, rtol = 1e-3 } = checkOptions('gradcheck', options, 'eps atol rtol');
  const checked = inputs.flatMap((t, i) => (t.requiresGrad ? [i] : []));
  if (checked.length === 0) {
    throw new ArgumentError({
      op: 'gradcheck',
      expected: 'an input with requiresGrad',
      found: 'none',
      fix: 'Set requiresGrad on the inputs to check.',
    });
  }
  for (const i of checked) {
    if (inputs[i].dtype === 'float64') continue;
    throw new DTypeError({
      op: 'gradcheck',
      expected: `float64 for input ${i}`,
      found: inputs[i].dtype,
      fix: "Make it with { dtype: 'float64' }.",
    });
  }
  const run = (...given: Tensor[]) => [fn(...given)].flat() as Tensor[];
  const outputs = enableGrad(() => run(...inputs));
  const weights = outputs.map((y, i) => {
    const generator = new Generator(i + 1);
    return Float64Array.from({ length: y.numel }, () => generator.normal());
  });
  const f = (...given: Tensor[]) => {
    let total = 0;
    noGrad(() => run(...given)).forEach((y, i) => {
      y.dataSync().forEach((v, j) => {
        total += v * weights[i][j];
      });
    });
    return total;
  };
  const used = outputs.map((_y, i) => i).filter((i) => outputs[i].requiresGrad);
  const analytic = used.length
    ? grad(
        used.map((i) => outputs[i]),
        checked.map((i) => inputs[i]),
        {
          gradOutputs: used.map((i) =>
            fromData(weights[i], outputs[i].shape, { backend: outputs[i].backend }),
          ),
          allowUnused: true,
        },
      )
    : [];
  checked.forEach((input, k) => {
    const x = inputs[input];
    const values = Float64Array.from(x.dataSync());
    const got = analytic[k]?.dataSync();
    const at = (j: number, value: number) => {
      const moved = Float64Array.from(values);
      moved[j] = value;
      // In a memory layout like the original's, so that the kernels take the same paths.
      const storage = Storage.allocate(x.backend, 'float64', x.storage.length);
      const t = new Tensor(storage, x, 'float64').copy_(fromData(moved, x.shape, { backend: x.backend }));
      return f(...inputs.map((other, i) => (i === input ? t : other)));
    };
    for (let j = 0; j < values.length; j++) {
      const numeric = (at(j, values[j] + eps) - at(j, values[j] - eps)) / (2 * eps);
      const a = got ? got[j] : 0;
      if (Math.abs(a - numeric) <= atol + rtol * Math.abs(numeric)) continue;
      throw new AutogradError({
        op: 'gradcheck',
        expected: `${numeric} by differences for input ${input} at index [${unravel(j, x.shape)}]`,
        found: String(a),
        fix: 'The backward of an op disagrees with its forward, or the function has a kink here.',
      });
    }
  });
}

function unravel(index: number, shape: readonly number[]): number[] {
  const out: number[] = [];
  for (let d = shape.length - 1; d >= 0; d--) {
    out.unshift(index % shape[d]);
    index = Math.floor(index / shape[d]);
  }
  return out;
}
