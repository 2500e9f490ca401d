export * from 'octet';
