/** Layers, losses and what is made of them. */
import '@octet/tensor';

export * from './modules';
