export * from '@octet/onnx';
