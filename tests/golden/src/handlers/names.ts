/** PyTorch's keyword arguments as options: `weight_decay` → `weightDecay`, `T_max` → `tMax`. */
export function camelCase(kwargs: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(kwargs).map(([name, value]) => [camel(name.toLowerCase()), value]),
  );
}

/** As `camelCase`, for what takes a `qscheme` too: `per_tensor_affine` → `perTensorAffine`. */
export function quantizationOptions(kwargs: object): Record<string, unknown> {
  const { qscheme, ...options } = camelCase(kwargs);
  return typeof qscheme === 'string' ? { ...options, qscheme: camel(qscheme) } : options;
}

/** `leaky_relu` → `leakyRelu` */
export function camel(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
