export * from '@octet/backend';
