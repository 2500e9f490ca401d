/**
 * Models in a worker: a page stays smooth while they are loaded and run.
 *
 * @module
 */
export * from '../worker';
