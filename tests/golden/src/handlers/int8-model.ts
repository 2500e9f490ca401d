import { type AnyModule, stateKey } from '@octet/nn';
import { noGrad, Tensor } from '@octet/tensor';
import type { HostLike, Output } from '../compare';
import { snapshot } from './record';

/** PyTorch's name for the path of a module. */
export function torchPath(path: string): string {
  return path.split('.').map(stateKey).join('.');
}

/** Weights, scales and zero points of every int8 module of a model, each name behind `prefix`. */
export async function describeInt8(prefix: string, model: AnyModule): Promise<Record<string, Output>> {
  const out: Record<string, Output> = {};
  for (const [path, module] of model.namedModules()) {
    const at = `${prefix}${path === '' ? '' : `${torchPath(path)}.`}`;
    const { weight, bias, scale, zeroPoint } = module as unknown as Record<string, unknown>;
    if (typeof scale === 'number')
      Object.assign(out, { [`${at}scale`]: scale, [`${at}zero_point`]: zeroPoint });
    if (!(weight instanceof Tensor) || !weight.qparams) continue;
    const q = weight.qparams;
    out[`${at}weight.int`] = await snapshot(weight);
    out[`${at}weight.scale`] = q.scheme === 'perTensor' ? [q.scale] : q.scales;
    out[`${at}weight.zero_point`] = q.scheme === 'perTensor' ? [q.zeroPoint] : q.zeroPoints;
    if (bias instanceof Tensor) out[`${at}bias`] = await snapshot(bias);
  }
  return out;
}

/**
 * Runs an int8 model and notes the integers that leave its modules (`trace.PATH`) and those that reach its DeQuantStub
 * (`y_q.*`), besides the output `y`.
 */
export async function traceInt8(model: AnyModule, x: Tensor): Promise<Record<string, Output>> {
  const seen: Record<string, Tensor> = {};
  const hooks = model
    .namedModules()
    .filter(([path]) => path !== '')
    .map(([path, module]) =>
      module.registerForwardHook((_module, _args, y: unknown) => {
        if (y instanceof Tensor && y.isQuantized) seen[torchPath(path)] = y;
      }),
    );
  let last: Tensor | undefined;
  hooks.push(
    model.getSubmodule('dequant').registerForwardPreHook((_module, [q]) => {
      last = q;
    }),
  );
  const y = noGrad(() => model.call(x));
  for (const hook of hooks) hook.remove();
  if (last?.qparams?.scheme !== 'perTensor') throw new Error('no integers reached the DeQuantStub');
  const trace: Record<string, HostLike> = {};
  for (const [path, t] of Object.entries(seen)) trace[`trace.${path}`] = await snapshot(t);
  return {
    ...trace,
    y: await snapshot(y),
    'y_q.int': await snapshot(last),
    'y_q.scale': last.qparams.scale,
    'y_q.zero_point': last.qparams.zeroPoint,
  };
}
