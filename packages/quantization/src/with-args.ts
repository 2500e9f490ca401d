import { QuantizationError } from '@octet/backend';
import { Module } from '@octet/nn/modules';
import type { FakeQuantizeBase } from './fake-quantize/base';
import type { Observer } from './observers/base';

/** What a QConfig places in a model: an observer, or a fake quantizer, which holds one. */
export type ObserverOrFakeQuant = Observer | FakeQuantizeBase;

// biome-ignore lint/suspicious/noExplicitAny: options differ from class to class
type Options = any;

type ObserverClass = new (options: Options) => ObserverOrFakeQuant;

/** Makes observers with options fixed beforehand; `withArgs` fixes more. */
export interface ObserverFactory {
  (): ObserverOrFakeQuant;
  withArgs(options: Options): ObserverFactory;
  readonly observerClass: ObserverClass;
}

/** `Class` with options fixed, PyTorch's `with_args`. */
export function withArgs(Class: ObserverClass, options: Options): ObserverFactory {
  const make = () => new Class(options);
  return Object.assign(make, {
    withArgs: (more: Options) => withArgs(Class, { ...options, ...more }),
    observerClass: Class,
  });
}

/** What a QConfig may be given: a factory, or a class as it is. */
export type ObserverLike = ObserverFactory | ObserverClass;

/** @throws QuantizationError for an instance, which all layers would share. */
export function toFactory(op: string, what: string, value: ObserverLike): ObserverFactory {
  if (typeof value === 'function') {
    return 'observerClass' in value ? value : withArgs(value as ObserverClass, undefined);
  }
  const found =
    (value as unknown) instanceof Module
      ? `an instance of ${(value as object).constructor.name}`
      : String(value);
  throw new QuantizationError({
    op,
    expected: `an observer class for '${what}', or Class.withArgs({ … })`,
    found,
    fix: 'Pass the class: every layer gets an observer of its own, one instance would mix their ranges.',
  });
}
