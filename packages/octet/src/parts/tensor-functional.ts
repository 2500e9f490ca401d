export * from '@octet/tensor/functional';
