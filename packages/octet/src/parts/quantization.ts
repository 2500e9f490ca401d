export * from '@octet/quantization';
