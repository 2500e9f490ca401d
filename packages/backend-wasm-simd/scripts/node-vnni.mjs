// Writes a copy of this Node whose V8 takes AVX-VNNI for given, and prints where it is:
//
//   node scripts/node-vnni.mjs
//
// V8 makes one instruction, vpdpbusd, of a relaxed dot product where the processor has AVX-VNNI. Processors that have AVX-512 VNNI alone
// (Intel since Cascade Lake, AMD's Zen 4) have the same instruction, in another encoding, one byte longer. The copy writes that one:
// with it they run the kernels' kind 'unsigned' as others do, to test it and to see what it takes. Everything else is V8's own code.
// It is no Node to use: V8 must not emit other instructions of 256 bits, whose function is overwritten.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../node_modules/.cache/vnni');

const signature = 'NS1_10SIMDPrefixENS1_13LeadingOpcodeENS1_4VexWENS0_10CpuFeatureE';
const assembler = '_ZN2v88internal9Assembler';
const functions = {
  probe: '_ZN2v88internal11CpuFeatures9ProbeImplEb',
  grow: `${assembler}10GrowBufferEv`,
  /** Writes an instruction of three registers of 128 bits. */
  write: `${assembler}6vinstrEhNS0_11XMMRegisterES2_S2_${signature}`,
  /** The same of 256 bits: room for `writing`. */
  room: `${assembler}6vinstrINS0_11YMMRegisterES3_S3_EEvhT_T0_T1_${signature}`,
};

const hex = (text) => Buffer.from(text.replace(/\s/g, ''), 'hex');

/** In `probe`: skip the bit of AVX-VNNI unless the processor has it; set it. */
const unless = hex('74 09 80 cb 80');
/** How `write` begins, and what it takes for the buffer's end and the place in it. */
const begin = hex('55 48 89 e5 41 57');
const place = [hex('48 8b 47 20'), hex('48 8b 97 e8 00 00 00')];

/** What `write` does first, at `room`: rdi has the assembler, esi, edx, ecx, r8d and r9d opcode, destination, sources and prefix. */
const writing = (grow, rest) =>
  hex(
    `
    40 80 fe 50  0f 85 a7 00 00 00       # unless the opcode is 50,
    41 83 f9 01  0f 85 9d 00 00 00       # the prefix 66
    83 7c 24 08 02  0f 85 92 00 00 00    # and the map 0f38: on
    48 8b 47 20  4c 8b 97 e8 00 00 00    # the place, and the end
    49 29 c2  41 83 fa 2f  7f 1d         # less than 48 bytes?
    57 52 51 41 50 48 83 ec 08           # keep what it takes
    b8 ${grow}  ff d0                    # grow the buffer
    48 83 c4 08 41 58 59 5a 5f  48 8b 47 20
    c6 00 62                             # EVEX
    41 ba f2 00 00 00                    # R, X, B, R', map 2
    f6 c2 08  74 04  41 83 e2 7f
    41 f6 c0 08  74 07  41 81 e2 df 00 00 00
    44 88 50 01
    44 0f b6 d9  41 f7 d3  41 83 e3 0f  41 c1 e3 03  41 83 cb 05  44 88 58 02    # vvvv, prefix 66
    c6 40 03 08                          # 128 bits
    c6 40 04 50                          # the opcode
    83 e2 07  c1 e2 03  41 83 e0 07  44 09 c2  81 ca c0 00 00 00  88 50 05       # the registers
    48 83 c0 06  48 89 47 20  c3
    55 48 89 e5 41 57                    # on: as it was
    b8 ${rest}  ff e0
  `.replace(/#.*/g, ''),
  );

/** The address, the size and the place in the file of each of `functions`. */
function find(file) {
  const number = (at) => Number(file.readBigUInt64LE(at));
  if (file.readUInt32BE(0) !== 0x7f454c46) throw new Error('Node is no ELF file');
  const [sectionsAt, size, count] = [number(0x28), file.readUInt16LE(0x3a), file.readUInt16LE(0x3c)];
  const sections = Array.from({ length: count }, (_, i) => {
    const at = sectionsAt + i * size;
    return {
      type: file.readUInt32LE(at + 4),
      address: number(at + 16),
      offset: number(at + 24),
      bytes: number(at + 32),
      link: file.readUInt32LE(at + 40),
    };
  });
  const symbols = sections.find(({ type }) => type === 2);
  if (!symbols) throw new Error('Node has no symbols');
  const names = sections[symbols.link].offset;
  const wanted = new Map(Object.entries(functions).map(([key, name]) => [name, key]));
  const found = {};
  for (let at = symbols.offset; at < symbols.offset + symbols.bytes; at += 24) {
    const name = names + file.readUInt32LE(at);
    // Nearly none begins so.
    if (file.toString('latin1', name, name + 13) !== '_ZN2v88intern') continue;
    const key = wanted.get(file.toString('latin1', name, file.indexOf(0, name)));
    if (!key) continue;
    const section = sections[file.readUInt16LE(at + 6)];
    const address = number(at + 8);
    found[key] = { address, bytes: number(at + 16), at: address - section.address + section.offset };
  }
  for (const key of Object.keys(functions)) if (!found[key]) throw new Error(`Node has no symbol of ${key}`);
  return found;
}

function change(file) {
  const { probe, grow, write, room } = find(file);
  const code = ({ at, bytes }) => file.subarray(at, at + bytes);
  const at = code(probe).indexOf(unless);
  const isKnown =
    at >= 0 && code(write).indexOf(begin) === 0 && place.every((bytes) => code(write).includes(bytes));
  if (!isKnown) throw new Error(`Node ${process.version} is compiled in another way than was looked at`);
  code(probe).set(hex('90 90'), at);
  const immediate = (n) => n.toString(16).padStart(8, '0').match(/../g).reverse().join('');
  const written = writing(immediate(grow.address), immediate(write.address + begin.length));
  if (written.length > room.bytes || write.address > 0x7fffffff) throw new Error('there is no room');
  code(room).set(written);
  const jump = Buffer.from([0xe9, 0, 0, 0, 0]);
  jump.writeInt32LE(room.address - (write.address + jump.length), 1);
  code(write).set(jump);
}

/** The path of such a Node. @throws Error with the reason if this processor, or this Node, is none for it */
export function nodeWithVnni() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error('it takes a processor of x64, under Linux');
  const flags = readFileSync('/proc/cpuinfo', 'utf8');
  if (/\bavx_vnni\b/.test(flags)) throw new Error('the processor has AVX-VNNI, and Node uses it');
  if (!/\bavx512_vnni\b/.test(flags) || !/\bavx512vl\b/.test(flags))
    throw new Error('the processor has no AVX-512 VNNI');
  const made = path.join(folder, `node-${process.version}`);
  if (existsSync(made)) return made;
  const file = readFileSync(process.execPath);
  change(file);
  mkdirSync(folder, { recursive: true });
  // Whole or not at all.
  const unfinished = `${made}.${process.pid}`;
  writeFileSync(unfinished, file);
  chmodSync(unfinished, 0o755);
  const options = execFileSync(unfinished, ['--v8-options'], { encoding: 'utf8' });
  if (!options.includes('AVX_VNNI=1')) throw new Error('V8 does not take AVX-VNNI for given');
  renameSync(unfinished, made);
  return made;
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    console.log(nodeWithVnni());
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
