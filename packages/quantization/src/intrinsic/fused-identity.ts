import { QuantizationError } from '@octet/backend';
import { type AnyModule, Identity } from '@octet/nn';
import type { Tensor } from '@octet/tensor';

/** What a fused module gave, for one of the layers that went into it. Clones of a model share it. */
class FusionSite {
  private readonly outputs = new WeakSet<Tensor>();
  /** How many outputs the layer hasn't taken yet. */
  pending = 0;

  constructor(readonly fused: string) {}

  /** The fused module's forward hook. */
  readonly give = Object.assign(
    (_: AnyModule, __: unknown, output: Tensor): void => {
      this.outputs.add(output);
      this.pending++;
    },
    // A weak set holds nothing.
    { pure: true },
  );

  gave(x: Tensor): boolean {
    return this.outputs.has(x);
  }
}

/**
 * Stands where a layer was that went into the one before it, and gives its input back.
 * @throws QuantizationError when called where that one didn't run before: a place of the forward pass that misses the layer
 */
export class FusedIdentity extends Identity {
  static override readonly name: string = 'FusedIdentity';
  static override readonly pure = true;

  private readonly sites: FusionSite[] = [];

  constructor(private readonly path: string) {
    super();
  }

  /** Stands in for a layer that went into `module` too, at the path `fused`. */
  follow(module: AnyModule, fused: string): this {
    const site = new FusionSite(fused);
    this.sites.push(site);
    module.registerForwardHook(site.give, { copyOnClone: true });
    return this;
  }

  /** The hooks on the modules that it follows. */
  get hooks(): unknown[] {
    return this.sites.map((site) => site.give);
  }

  override forward(x: Tensor): Tensor {
    const { sites } = this;
    // What lies between, as a pooling that ReLU may as well precede, gives another tensor: then outputs are counted.
    const site = sites.find((s) => s.gave(x)) ?? sites.find((s) => s.pending > 0);
    if (site) {
      site.pending = Math.max(0, site.pending - 1);
      return x;
    }
    const fused = sites.map((s) => `'${s.fused}'`).join(' or ');
    throw new QuantizationError({
      op: 'fuseModules',
      expected: `'${this.path}' behind ${fused}, into which it was fused`,
      found: 'a call elsewhere',
      fix: `Give that place a layer of its own, or leave '${this.path}' out of the list.`,
    });
  }
}
