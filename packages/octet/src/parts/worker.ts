export * from '../worker';
