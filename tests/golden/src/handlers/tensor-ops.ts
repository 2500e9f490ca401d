import * as octet from '@octet/tensor';
import { grad, Tensor } from '@octet/tensor';
import type { Output } from '../compare';
import type { Handler } from '../golden-case';

interface Call {
  readonly name: string;
  readonly fn: string;
  /** A string that names an input is that; `inf` and `-inf` are infinities. */
  readonly args: readonly unknown[];
  readonly bools: readonly string[];
  /** The inputs that have a gradient. */
  readonly trained: readonly string[];
}

const infinities: Readonly<Record<string, number>> = { inf: Infinity, '-inf': -Infinity };

/** `NAME.0`, `NAME.1`, … and `NAME.grad_INPUT` of each call. */
export const tensorOps: Handler<{ calls: readonly Call[] }> = (c) => {
  const outputs: Record<string, Output> = {};
  const functions = octet as unknown as Readonly<Record<string, (...args: unknown[]) => unknown>>;
  c.params.calls.forEach(({ name, fn, args, bools, trained }, at) => {
    const inputs = c.tensors(`${at}.`);
    for (const key of bools) inputs[key] = inputs[key].to('bool');
    for (const key of trained) inputs[key].requiresGrad = true;
    const meant = (arg: unknown): unknown => {
      if (Array.isArray(arg)) return arg.map(meant);
      return typeof arg === 'string' ? (inputs[arg] ?? infinities[arg] ?? arg) : arg;
    };
    const result = functions[fn](...args.map(meant));
    const ys = (Array.isArray(result) ? result : [result]) as Tensor[];
    ys.forEach((y, i) => {
      outputs[`${name}.${i}`] = y;
    });
    const recorded = ys.filter((y) => y instanceof Tensor && y.requiresGrad);
    if (trained.length === 0) return;
    const sums = recorded.map((y) => y.sum());
    const grads = grad(
      sums,
      trained.map((key) => inputs[key]),
      { allowUnused: true },
    );
    trained.forEach((key, i) => {
      outputs[`${name}.grad_${key}`] = grads[i] ?? octet.zerosLike(inputs[key]);
    });
  });
  return outputs;
};
