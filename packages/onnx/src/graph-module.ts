export {
  Graph,
  type GraphBody,
  type GraphFunction,
  type GraphInput,
  GraphModule,
  type GraphNode,
  type GraphOptions,
  type GraphRun,
  Paths,
  type Slot,
} from '@octet/nn/graph';
