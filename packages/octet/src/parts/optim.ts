export * from '@octet/optim';
