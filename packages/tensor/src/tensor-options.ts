/** The names of `TensorOptions`, for checkOptions. */
export const tensorOptions = 'dtype backend requiresGrad';
