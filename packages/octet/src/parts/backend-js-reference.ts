export * from '@octet/backend-js-reference';
