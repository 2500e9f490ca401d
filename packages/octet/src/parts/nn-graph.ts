export * from '@octet/nn/graph';
