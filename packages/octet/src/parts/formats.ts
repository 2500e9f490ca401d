export * from '@octet/formats';
