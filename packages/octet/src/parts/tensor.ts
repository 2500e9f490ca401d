export * from '@octet/tensor';
