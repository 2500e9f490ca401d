export * from '@octet/graph';
