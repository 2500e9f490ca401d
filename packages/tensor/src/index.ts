/** Strided tensors with autograd, on any backend of the contract. */
import './default-backend';
import './methods';

export * from './functional';
