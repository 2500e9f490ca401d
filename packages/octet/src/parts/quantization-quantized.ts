export * from '@octet/quantization/quantized';
