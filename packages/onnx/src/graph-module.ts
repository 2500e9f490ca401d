export {
  type FileDType,
  Graph,
  type GraphBody,
  type GraphFunction,
  type GraphInput,
  GraphModule,
  type GraphNode,
  type GraphOptions,
  type GraphOutput,
  type GraphRun,
  Paths,
  type Slot,
} from '@octet/nn/graph';
