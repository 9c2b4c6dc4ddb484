/* wasi.mjs MODULE FOLDER ARGUMENT... - runs the driver as a WASI command that sees FOLDER as /data, in Node's engine.
 * Start Node with --no-turbo-fast-api-calls (docs/wasm.md says why). */
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';

const [file, folder, ...args] = process.argv.slice(2);
const wasi = new WASI({
  version: 'preview1',
  args: ['vector', ...args],
  preopens: { '/data': folder },
  returnOnExit: true,
});
const module = await WebAssembly.compile(await readFile(file));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
process.exitCode = wasi.start(instance);
