/** Models as ONNX files. */
export { OnnxExportError } from './errors';
export { type ExportOnnxOptions, exportOnnx } from './export';
