export * from '@octet/vision';
