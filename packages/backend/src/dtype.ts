/** How one element lies in memory. `float64` exists for gradient checks; only the reference backend has it. */
export type StorageDType = 'float32' | 'float64' | 'int32' | 'uint8' | 'int8' | 'bool';

/** An integer dtype that means `(q - zeroPoint) * scale`; its parameters travel with the tensor. */
export type QuantizedDType = 'quint8' | 'qint8' | 'qint32';

export type DType = StorageDType | QuantizedDType;

export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array | Int8Array;

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  int8: Int8Array,
  bool: Uint8Array,
} as const;

const storage: Record<DType, StorageDType> = {
  float32: 'float32',
  float64: 'float64',
  int32: 'int32',
  uint8: 'uint8',
  int8: 'int8',
  bool: 'bool',
  quint8: 'uint8',
  qint8: 'int8',
  qint32: 'int32',
};

/** The integers each quantized dtype can hold. */
export const quantRange: Record<QuantizedDType, readonly [min: number, max: number]> = {
  quint8: [0, 255],
  qint8: [-128, 127],
  qint32: [-2147483648, 2147483647],
};

export const allDTypes = Object.keys(storage) as readonly DType[];

export function isQuantizedDType(dtype: DType): dtype is QuantizedDType {
  return dtype in quantRange;
}

export function isFloatDType(dtype: DType): dtype is 'float32' | 'float64' {
  return dtype === 'float32' || dtype === 'float64';
}

/** The memory format behind a dtype: a `quint8` tensor is stored as `uint8`, and so on. */
export function storageDType(dtype: DType): StorageDType {
  return storage[dtype];
}

export function bytesPerElement(dtype: DType): number {
  return arrays[storage[dtype]].BYTES_PER_ELEMENT;
}

/** A zeroed host array for `length` elements of `dtype`. */
export function hostArray(dtype: DType, length: number): TypedArray {
  return new arrays[storage[dtype]](length);
}
