import { Tensor } from './tensor';

type AnyFunction = (x: Tensor, ...args: unknown[]) => unknown;

/** Makes functions of a tensor methods of `Tensor`, by their names here: the tensor is the first argument. */
export function install(functions: object): void {
  for (const name of Reflect.ownKeys(functions)) {
    const fn = functions[name as never] as AnyFunction;
    Object.defineProperty(Tensor.prototype, name, {
      value: function (this: Tensor, ...args: unknown[]) {
        return fn(this, ...args);
      },
      writable: true,
      configurable: true,
    });
  }
}
