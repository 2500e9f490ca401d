// Everything exported here can be called from TypeScript by its name. See ../README.md for the rules.
export * from './elementwise';
export * from './memory';
export * from './qlinear';
export * from './reductions';
