/** Models as ONNX files. */
export { OnnxExportError, OnnxImportError } from './errors';
export { type ExportOnnxOptions, exportOnnx } from './export';
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
  type Slot,
} from './graph-module';
export { type HostDType, HostTensor, type Value } from './host-tensor';
export type { DownloadOptions, DownloadProgress } from './import/download';
export { type ImportOnnxOptions, importOnnx } from './import/import';
export type { CallOptions, LayerOptions, OnnxNode, Operand } from './import/node';
export { type ExternalFiles, type OnnxSource, readSource } from './import/read';
export type { OnnxOperator } from './import/table';
export { type SymbolicTraceOptions, symbolicTrace } from './symbolic-trace';
