export * from '@octet/nn/modules';
