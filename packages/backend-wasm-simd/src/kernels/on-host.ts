import type { Kernel, KernelName, KernelTable } from '@octet/backend';
import type { HostBuffer } from '@octet/backend-js-reference';
import * as host from '@octet/backend-js-reference/kernels';
import { size, type WasmKernel, type WasmTensor } from '../kernel';

type HostKernel = (tensors: Record<string, unknown>, attrs: unknown) => void;

/**
 * The reference's own kernel, on the wasm memory itself: for what is rare or tiny, or must be the same to the last bit, and
 * would gain nothing from SIMD.
 */
export function onHost<N extends KernelName>(reference: Kernel<KernelTable[N], HostBuffer>): WasmKernel<N> {
  const run = reference as unknown as HostKernel;
  const kernel = (
    cx: Parameters<WasmKernel<N>>[0],
    tensors: Record<string, WasmTensor | undefined>,
    attrs: unknown,
  ) => {
    const given = Object.entries(tensors).filter(
      (entry): entry is [string, WasmTensor] => entry[1] !== undefined,
    );
    // All addresses first: bringing a tensor back may move the memory.
    for (const [, t] of given) cx.address(t);
    const hosted = given.map(([label, t]) => {
      const data = cx.view(t.dtype, cx.address(t), size(t));
      return [label, { dtype: t.dtype, shape: t.shape, buffer: { data } as unknown as HostBuffer }];
    });
    run(Object.fromEntries(hosted), attrs);
  };
  return kernel as unknown as WasmKernel<N>;
}

export const fill = /* @__PURE__ */ onHost<'fill'>(host.fill);
export const cast = /* @__PURE__ */ onHost<'cast'>(host.cast);
export const nllLoss = /* @__PURE__ */ onHost<'nllLoss'>(host.nllLoss);
export const nllLossBackward = /* @__PURE__ */ onHost<'nllLossBackward'>(host.nllLossBackward);
export const embedding = /* @__PURE__ */ onHost<'embedding'>(host.embedding);
export const embeddingBackward = /* @__PURE__ */ onHost<'embeddingBackward'>(host.embeddingBackward);
export const calculateQparams = /* @__PURE__ */ onHost<'calculateQparams'>(host.calculateQparams);
export const gather = /* @__PURE__ */ onHost<'gather'>(host.gather);
export const scatter = /* @__PURE__ */ onHost<'scatter'>(host.scatter);
export const cumsum = /* @__PURE__ */ onHost<'cumsum'>(host.cumsum);
export const cumprod = /* @__PURE__ */ onHost<'cumprod'>(host.cumprod);
export const cumprodBackward = /* @__PURE__ */ onHost<'cumprodBackward'>(host.cumprodBackward);
export const prod = /* @__PURE__ */ onHost<'prod'>(host.prod);
export const prodBackward = /* @__PURE__ */ onHost<'prodBackward'>(host.prodBackward);
export const argsort = /* @__PURE__ */ onHost<'argsort'>(host.argsort);
