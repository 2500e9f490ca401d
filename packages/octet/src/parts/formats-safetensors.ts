export * from '@octet/formats/safetensors';
