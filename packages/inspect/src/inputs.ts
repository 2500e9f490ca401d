import { type Backend, QuantizationError, requireIterable } from '@octet/backend';
import type { Inputs, ModelInput } from '@octet/quantization';
import { Tensor } from '@octet/tensor';

export type { Inputs, ModelInput };

export function argumentsOf(input: ModelInput): readonly unknown[] {
  return input instanceof Tensor ? [input] : input;
}

/** The same arguments with `fn` applied to every tensor, and to what stands in its place in `beside`. */
export function mapTensors<T>(
  value: T,
  fn: (tensor: Tensor, beside: unknown) => Tensor,
  beside: unknown = undefined,
): T {
  if (value instanceof Tensor) return fn(value, beside) as T;
  if (!Array.isArray(value)) return value;
  return value.map((v, i) => mapTensors(v, fn, Array.isArray(beside) ? beside[i] : undefined)) as T;
}

/** The arguments on another backend. */
export function moved<T>(value: T, backend: Backend): Promise<T> {
  if (value instanceof Tensor) return value.toAsync(backend) as Promise<T>;
  if (!Array.isArray(value)) return Promise.resolve(value);
  return Promise.all(value.map((v) => moved(v, backend))) as Promise<T>;
}

/** @throws ArgumentError for what can't be iterated, QuantizationError for no inputs */
export async function collect(op: string, data: Inputs): Promise<ModelInput[]> {
  requireIterable(op, 'data', data);
  const inputs: ModelInput[] = [];
  for await (const input of data) inputs.push(input);
  if (inputs.length === 0) throw noInputs(op);
  return inputs;
}

export function noInputs(op: string): QuantizationError {
  return new QuantizationError({
    op,
    expected: 'some inputs',
    found: 'none',
    fix: 'Pass an array, or a generator that was not used up before.',
  });
}
