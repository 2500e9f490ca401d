/** Runs of models written down: what ran, in which module, on what memory. */
export { addCallHook, type CallEvent, type CallHook, hasCallHooks, hookedCall } from './calls';
export {
  type Callable,
  capture,
  type HostEvent,
  type KernelCall,
  type ModuleCall,
  onlyMovesData,
  type Recording,
  replay,
  tensorsIn,
} from './capture';
export { Plan, type PlanOptions, planOf } from './plan';
