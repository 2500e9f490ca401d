import { type AnyModule, Sequential } from '@octet/nn';
import { intrinsic } from '@octet/quantization';
import type { AnyGraph } from './simulation';

/** Paths of the layers that a graph calls, in its order. */
export function calledPaths({ graph }: AnyGraph): string[] {
  return [...new Set(graph.nodes.flatMap(({ target }) => (typeof target === 'string' ? [target] : [])))];
}

/** The layer with a weight of a fused one, and what stands behind it. */
export function partsOf(layer: AnyModule): [layer: AnyModule, ...behind: AnyModule[]] {
  const { ConvReLU1d, ConvReLU2d, LinearReLU } = intrinsic;
  const isFused = [ConvReLU1d, ConvReLU2d, LinearReLU].some((type) => layer.constructor === type);
  return isFused ? (layer.children() as [AnyModule, AnyModule]) : [layer];
}

/** A layer and what stands behind it as one, in evaluation mode. */
export function joined(layer: AnyModule, behind: readonly AnyModule[]): AnyModule {
  return behind.length > 0 ? new Sequential(layer as never, ...(behind as never[])).eval() : layer;
}
