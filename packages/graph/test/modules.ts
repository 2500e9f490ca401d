import { affine, mul, relu, type Tensor } from '@octet/tensor';
import { hookedCall } from '../src';

/** As Module of @octet/nn, which isn't at hand here: this package is below it. */
export abstract class TestModule {
  training = false;

  abstract forward(...args: Tensor[]): unknown;

  call(...args: Tensor[]): unknown {
    return hookedCall(this, 'forward', args, () => this.forward(...args));
  }

  namedModules(): [path: string, module: object][] {
    const inside = Object.entries(this).flatMap(([name, value]): [string, object][] =>
      value instanceof TestModule
        ? value.namedModules().map(([path, m]) => [path ? `${name}.${path}` : name, m])
        : [],
    );
    return [['', this], ...inside];
  }
}

/** scale · x + shift */
export class Affine extends TestModule {
  constructor(
    readonly scale: number,
    readonly shift: number,
  ) {
    super();
  }

  forward(x: Tensor): Tensor {
    return affine(x, this.scale, this.shift);
  }
}

/** weight · x, then ReLU */
export class Scaled extends TestModule {
  constructor(readonly weight: Tensor) {
    super();
  }

  forward(x: Tensor): Tensor {
    return relu(mul(x, this.weight));
  }
}

/** One module after another. */
export class Chain extends TestModule {
  constructor(
    readonly first: TestModule,
    readonly second: TestModule,
  ) {
    super();
  }

  forward(x: Tensor): unknown {
    return this.second.call(this.first.call(x) as Tensor);
  }
}

/** Whatever a function does. */
export class Free extends TestModule {
  constructor(readonly fn: (...args: Tensor[]) => unknown) {
    super();
  }

  forward(...args: Tensor[]): unknown {
    return this.fn(...args);
  }
}
