/* kernel.mjs MODULE - runs the benchmark of the kernels as a WASI command, in Node's engine. Start
 * Node with --no-turbo-fast-api-calls (docs/wasm.md says why). */
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';

const wasi = new WASI({ version: 'preview1', args: ['kernel'], returnOnExit: true });
const module = await WebAssembly.compile(await readFile(process.argv[2]));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
process.exitCode = wasi.start(instance);
