export * from '@octet/inspect';
