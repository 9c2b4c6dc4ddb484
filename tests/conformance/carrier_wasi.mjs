/* carrier_wasi.mjs FOLDER - strata-wasi.wasm under node:wasi for the conformance scripts: a line of
 * JSON in, a line of JSON out, the MessagePack inside as {"$bytes": ...} (carriers.py).
 *
 * Written from docs/wasm.md alone. FOLDER is what the module sees as /data.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { WASI } from 'node:wasi';

const wasi = new WASI({ version: 'preview1', preopens: { '/data': process.argv[2] } });
const module = new WebAssembly.Module(readFileSync(new URL('../../build/wasm/strata-wasi.wasm', import.meta.url)));
const instance = new WebAssembly.Instance(module, wasi.getImportObject());
wasi.initialize(instance);
const abi = instance.exports;
if (abi.strata_abi_version() !== 1) {
    throw new Error('another ABI than version 1');
}

/* Calls send(pointer, size) with the bytes in the module's memory. */
function withBytes(bytes, send) {
    const pointer = abi.strata_alloc(bytes.length);
    new Uint8Array(abi.memory.buffer).set(bytes, pointer);
    const result = send(pointer, bytes.length);
    abi.strata_free(pointer, bytes.length);
    return result;
}

function response() {
    const bytes = new Uint8Array(abi.memory.buffer, abi.strata_response_ptr(), abi.strata_response_len());
    return Buffer.from(bytes).toString('base64');
}

/* [true, ...] and [false, ...] differ in their second byte. */
function check(status) {
    const ok = new Uint8Array(abi.memory.buffer)[abi.strata_response_ptr() + 1] === 0xc3;
    if (ok !== (status === 0)) {
        throw new Error(`the status ${status} and the response disagree`);
    }
}

let handle = 0;

function run({ do: what, request }) {
    const bytes = Buffer.from(request.$bytes, 'base64');
    switch (what) {
        case 'open':
            handle = withBytes(bytes, abi.strata_abi_open);
            check(handle === 0 ? 1 : 0);
            break;
        case 'exec':
            check(withBytes(bytes, (pointer, size) => abi.strata_abi_exec(handle, pointer, size)));
            break;
        case 'close':
            check(abi.strata_abi_close(handle));
            break;
        default:
            throw new Error(`nothing is done by ${what}`);
    }
    return { response: { $bytes: response() } };
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    process.stdout.write(`${JSON.stringify(run(JSON.parse(line)))}\n`);
}
