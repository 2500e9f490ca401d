export * from '@octet/nn';
