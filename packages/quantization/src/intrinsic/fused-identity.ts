import { QuantizationError, warn } from '@octet/backend';
import { type AnyModule, Identity } from '@octet/nn/modules';
import type { Tensor } from '@octet/tensor/functional';

/** What a fused module gave, for one of the layers that went into it. Clones of a model share it. */
class FusionSite {
  private readonly outputs = new WeakSet<Tensor>();
  /** How many outputs the layer hasn't taken yet. */
  pending = 0;

  constructor(
    readonly fused: string,
    readonly layer: string,
  ) {}

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
 * Looks, in every pass of a model, whether fused modules ran where a layer that went into them didn't: there they compute
 * more than the model did before. Clones of a model share it.
 */
export class FusionWatch {
  private readonly sites: FusionSite[] = [];
  private warned = false;

  add(site: FusionSite): void {
    this.sites.push(site);
  }

  /** From the next pass of the model on. */
  start(model: AnyModule): void {
    if (this.sites.length === 0) return;
    const options = { copyOnClone: true };
    model.registerForwardPreHook(this.begin, options);
    model.registerForwardHook(this.end, options);
  }

  private readonly begin = Object.assign(
    (): void => {
      for (const site of this.sites) site.pending = 0;
    },
    { pure: true },
  );

  private readonly end = Object.assign((): void => this.report(), { pure: true });

  private report(): void {
    const alone = this.sites.filter(({ pending }) => pending > 0);
    if (alone.length === 0 || this.warned) return;
    this.warned = true;
    const places = alone.map(({ fused, layer }) => `'${fused}' without '${layer}' behind it`);
    warn(
      `fuseModules: ran ${places.join(', ')}: it was fused, and computes both wherever it is called. Give that place a layer of ` +
        'its own, or leave the pair out of the lists.',
    );
  }

  /** What `start` registers. */
  get hooks(): unknown[] {
    return [this.begin, this.end];
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
  private readonly watches: FusionWatch[] = [];

  constructor(private readonly path: string) {
    super();
  }

  /** Stands in for a layer that went into `module` too, at the path `fused`. */
  follow(module: AnyModule, fused: string, watch: FusionWatch): this {
    const site = new FusionSite(fused, this.path);
    this.sites.push(site);
    this.watches.push(watch);
    watch.add(site);
    module.registerForwardHook(site.give, { copyOnClone: true });
    return this;
  }

  /** The hooks on the modules that it follows, and on the model. */
  get hooks(): unknown[] {
    return [...this.sites.map((site) => site.give), ...this.watches.flatMap((watch) => watch.hooks)];
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
