export * from '@octet/data';
