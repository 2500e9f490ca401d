import { BatchNorm1d, BatchNorm2d, Conv1d, Conv2d, ConvTranspose2d, Linear, Module, ReLU } from '@octet/nn';
import type { Tensor } from '@octet/tensor';

/** A layer of a fixture, and what follows it. */
export interface LayerParams {
  /** The layers in order: `conv_bn_relu`, `linear`, … */
  kind: string;
  conv?: {
    in_channels: number;
    out_channels: number;
    kernel_size: number;
    stride?: number;
    padding?: number;
    groups?: number;
    bias?: boolean;
  };
  conv1d?: LayerParams['conv'];
  conv_transpose?: LayerParams['conv'];
  linear?: { in_features: number; out_features: number; bias?: boolean };
  bn_eps?: number;
}

/** The layers of a fixture, under the names that its state dict gives them. */
export class Layers extends Module {
  readonly conv?: Conv1d | Conv2d | ConvTranspose2d;
  readonly linear?: Linear;
  readonly bn?: BatchNorm1d | BatchNorm2d;
  readonly relu?: ReLU;

  constructor({ kind, conv, conv1d, conv_transpose: transposed, linear, bn_eps: eps }: LayerParams) {
    super();
    const names = kind.split('_');
    if (conv) {
      const { in_channels, out_channels, kernel_size, ...options } = conv;
      this.conv = new Conv2d(in_channels, out_channels, kernel_size, options);
      if (names.includes('bn')) this.bn = new BatchNorm2d(out_channels, { eps });
    }
    if (conv1d) {
      const { in_channels, out_channels, kernel_size, ...options } = conv1d;
      this.conv = new Conv1d(in_channels, out_channels, kernel_size, options);
      if (names.includes('bn')) this.bn = new BatchNorm1d(out_channels, { eps });
    }
    if (transposed) {
      const { in_channels, out_channels, kernel_size, ...options } = transposed;
      this.conv = new ConvTranspose2d(in_channels, out_channels, kernel_size, options);
      if (names.includes('bn')) this.bn = new BatchNorm2d(out_channels, { eps });
    }
    if (linear) {
      const { in_features, out_features, ...options } = linear;
      this.linear = new Linear(in_features, out_features, options);
      if (names.includes('bn')) this.bn = new BatchNorm1d(out_features, { eps });
    }
    if (names.includes('relu')) this.relu = new ReLU();
  }

  /** The names of the layers in order, to fuse them. */
  get names(): string[] {
    return this.namedChildren().map(([name]) => name);
  }

  override forward(x: Tensor): Tensor {
    return this.children().reduce((y, layer) => layer.call(y) as Tensor, x);
  }
}
