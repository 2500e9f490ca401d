import { dataTypes } from '../numbers';
import type { TensorProto_DataType } from '../onnx.generated';
import type { OnnxDType } from './graph';

/** The numbers by which ONNX calls its dtypes. */
export const elementTypes: Record<OnnxDType, TensorProto_DataType> = {
  float32: dataTypes.FLOAT,
  float64: dataTypes.DOUBLE,
  int32: dataTypes.INT32,
  int64: dataTypes.INT64,
  uint8: dataTypes.UINT8,
  int8: dataTypes.INT8,
  bool: dataTypes.BOOL,
};
