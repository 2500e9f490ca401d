export * from './cross-entropy-loss';
export * from './mse-loss';
export * from './nll-loss';
