import { elementTypes } from '../graph/element-types';
import type { NodeBuilders } from './builder';

export const data = (): NodeBuilders => ({
  cast: (graph, { x }, y) => graph.node('Cast', [x.value], y, { to: { int: elementTypes[y.dtype] } }),
  embedding: (graph, { weight, index }, y) => graph.node('Gather', [weight.value, index.value], y),
});
