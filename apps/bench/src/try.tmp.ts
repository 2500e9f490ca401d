import { createWasmBackend } from '@octet/backend-wasm-simd';
import { functional as F } from '@octet/nn';
import { addCallHook, capture } from '@octet/graph';
import { quantized } from '@octet/quantization';
import { noGrad, setBackend, quantizedTensor, type Tensor, randn, quantizedLookup } from '@octet/tensor';
const be = await createWasmBackend({ threads: 1 });
// time kernels by name
const times: Record<string, number[]> = {}; let on = '';
const kernels: any = { ...be.kernels };
for (const [n, k] of Object.entries(kernels) as any) {
  const wrap = (f: any, label = n) => (...a: any[]) => { const s = performance.now(); const r = f(...a); (times[on + ' ' + label] ??= []).push(performance.now() - s); return r; };
  kernels[n] = typeof k === 'function' ? wrap(k) : { ...k, run: wrap(k.run), prepack: wrap(k.prepack, n + '.prepack') };
}
setBackend({ ...be, kernels } as never);
const q = quantized.functional; const o={scale:0.03,zeroPoint:120};
const ints = (...shape: number[]) => { const x = quantizedTensor(Array.from({length:shape.reduce((a,b)=>a*b,1)},(_, i)=>(i*37)&255), shape, 'quint8', {scheme:'perTensor',scale:.02,zeroPoint:110}); return shape.length===4? x.contiguous({memoryFormat:'channelsLast'}) : x; };
const i = ints(1,64,56,56), r = ints(128,256), j = ints(1,64,56,56); const A=ints(1,4,128,64), B=ints(1,4,64,128);
const fs: Record<string, ()=>Tensor> = { sigmoid: ()=>F.sigmoid(i), relu: ()=>F.relu(i), softmax: ()=>r.softmax(-1), cat: ()=>q.cat([i,j],1,o), matmul: ()=>q.matmul(A,B,o) };
const best: Record<string, number>={};
for (let k=0;k<150;k++) for (const [n,f] of Object.entries(fs)) { on=n; const s=performance.now(); noGrad(f).dispose(); best[n]=Math.min(best[n]??1e9,performance.now()-s); }
for (const [n,b] of Object.entries(best)) { console.log(n,(b*1000).toFixed(1)); for (const [m,t] of Object.entries(times)) if (m.startsWith(n+' ')) console.log('    ',m, (Math.min(...t)*1000).toFixed(1), 'x', t.length/150, 'p25', (t.sort((a,b)=>a-b)[t.length>>2]*1000).toFixed(1)); }
