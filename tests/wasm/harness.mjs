/* harness.mjs - what the tests of the modules share: a host table over memory, a caller of the ABI, a
 * runner.
 *
 * The host table is written from docs/wasm.md alone, on purpose: it shows that the page is enough.
 * Its clock and its random bytes are counters, the same as in image.c, so that a module and a native
 * program that are given the same requests must write the same bytes.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { encode, decode } = createRequire(new URL('../../js/package.json', import.meta.url))('@msgpack/msgpack');

const root = new URL('../../', import.meta.url);
export const moduleOf = (name) => new WebAssembly.Module(readFileSync(new URL(`build/wasm/${name}`, root)));
export const rootPath = root.pathname;

/* Statuses of errors.def that this host gives. */
const NOT_FOUND = -1;
const ALREADY_EXISTS = -2;
const BUSY = -11;
const IO = -17;
const NO_SPACE = -18;

/* ---- A host over memory ----------------------------------------------------------------------- */

export class MemoryHost {
    files = new Map(); // path -> { bytes, size }
    locks = new Set();
    capacity = Infinity; // bytes in all files; beyond it, no_space
    calls = 0;
    #open = new Map();
    #nextFd = 0;
    #ticks = 0;
    #seed = 1n;
    #memory;

    attach(memory) {
        this.#memory = memory;
    }

    imports() {
        const table = {};
        for (const name of ['open', 'read_at', 'append', 'write_at', 'truncate', 'sync', 'size', 'close', 'remove',
            'list', 'lock', 'unlock', 'wall_us', 'monotonic_ns', 'random', 'log', 'progress']) {
            table[name] = (...args) => {
                this.calls++;
                return this[name](...args);
            };
        }
        return { strata_host: table };
    }

    #bytes(ptr, len) {
        return new Uint8Array(this.#memory.buffer, ptr, len);
    }

    #text(ptr, len) {
        return new TextDecoder().decode(this.#bytes(ptr, len));
    }

    #used() {
        let used = 0;
        for (const file of this.files.values()) {
            used += file.size;
        }
        return used;
    }

    /* Makes the file `size` bytes long, or says that there is no room. */
    #resize(file, size) {
        if (this.#used() - file.size + size > this.capacity) {
            return false;
        }
        if (size > file.bytes.length) {
            const grown = new Uint8Array(Math.max(size, 2 * file.bytes.length));
            grown.set(file.bytes.subarray(0, file.size));
            file.bytes = grown;
        }
        file.bytes.fill(0, Math.min(size, file.size), Math.max(size, file.size));
        file.size = size;
        return true;
    }

    open(name, len, flags) {
        const path = this.#text(name, len);
        if (this.files.has(path) && flags & 4) {
            return ALREADY_EXISTS;
        }
        if (!this.files.has(path)) {
            if (!(flags & 2)) {
                return NOT_FOUND;
            }
            this.files.set(path, { bytes: new Uint8Array(4096), size: 0 });
        }
        this.#open.set(this.#nextFd, this.files.get(path));
        return this.#nextFd++;
    }

    read_at(fd, offset, ptr, len) {
        const file = this.#open.get(fd);
        const end = Math.min(file.size, offset + len);
        if (offset >= end) {
            return 0;
        }
        this.#bytes(ptr, len).set(file.bytes.subarray(offset, end));
        return end - offset;
    }

    append(fd, ptr, len) {
        return this.write_at(fd, this.#open.get(fd).size, ptr, len);
    }

    write_at(fd, offset, ptr, len) {
        const file = this.#open.get(fd);
        if (offset + len > file.size && !this.#resize(file, offset + len)) {
            return NO_SPACE;
        }
        file.bytes.set(this.#bytes(ptr, len), offset);
        return 0;
    }

    truncate(fd, size) {
        return this.#resize(this.#open.get(fd), size) ? 0 : NO_SPACE;
    }

    sync() {
        return 0;
    }

    size(fd) {
        return this.#open.get(fd).size;
    }

    close(fd) {
        return this.#open.delete(fd) ? 0 : IO;
    }

    remove(name, len) {
        return this.files.delete(this.#text(name, len)) ? 0 : NOT_FOUND;
    }

    list(folder, len, ptr, cap) {
        const prefix = `${this.#text(folder, len)}/`;
        const paths = [...this.files.keys()].filter((path) => path.startsWith(prefix));
        if (paths.length === 0) {
            return NOT_FOUND;
        }
        const names = paths.map((path) => path.slice(prefix.length)).filter((name) => !name.includes('/'));
        const bytes = new TextEncoder().encode(names.map((name) => `${name}\0`).join(''));
        if (bytes.length <= cap) {
            this.#bytes(ptr, cap).set(bytes);
        }
        return bytes.length;
    }

    lock(folder, len, holder, cap) {
        const path = this.#text(folder, len);
        if (this.locks.has(path)) {
            this.#bytes(holder, cap).set(new TextEncoder().encode('another handle\0'));
            return BUSY;
        }
        this.locks.add(path);
        this.#open.set(this.#nextFd, path);
        return this.#nextFd++;
    }

    unlock(fd) {
        return this.locks.delete(this.#open.get(fd)) && this.#open.delete(fd) ? 0 : IO;
    }

    wall_us() {
        return 1_700_000_000_000_000 + 1000 * this.#ticks++;
    }

    monotonic_ns() {
        return 1000 * this.#ticks++;
    }

    /* splitmix64, a byte of each number: the same as in image.c. */
    random(ptr, len) {
        const bytes = this.#bytes(ptr, len);
        for (let i = 0; i < len; i++) {
            this.#seed = BigInt.asUintN(64, this.#seed + 0x9e3779b97f4a7c15n);
            let z = this.#seed;
            z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
            z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
            bytes[i] = Number((z ^ (z >> 31n)) & 0xffn);
        }
        return 0;
    }

    log() {}

    progress() {}
}

/* ---- The ABI ------------------------------------------------------------------------------------ */

export class Abi {
    constructor(exports) {
        this.exports = exports;
        exports._initialize();
    }

    /* Calls send(ptr, len) with the bytes in the module's memory. */
    #with(bytes, send) {
        const ptr = this.exports.strata_alloc(bytes.length);
        new Uint8Array(this.exports.memory.buffer).set(bytes, ptr);
        const result = send(ptr, bytes.length);
        this.exports.strata_free(ptr, bytes.length);
        return result;
    }

    response() {
        const { memory, strata_response_ptr, strata_response_len } = this.exports;
        return decode(new Uint8Array(memory.buffer, strata_response_ptr(), strata_response_len()));
    }

    openBytes(bytes) {
        return this.#with(bytes, this.exports.strata_abi_open);
    }

    /* A handle, or the error thrown. */
    open(request) {
        const handle = this.openBytes(encode(request));
        if (handle === 0) {
            throw Object.assign(new Error('open failed'), this.response()[1]);
        }
        return handle;
    }

    execBytes(handle, bytes) {
        return this.#with(bytes, (ptr, len) => this.exports.strata_abi_exec(handle, ptr, len));
    }

    /* The result, or the error thrown. */
    exec(handle, name, args = {}) {
        this.execBytes(handle, encode([name, args]));
        const [ok, result] = this.response();
        if (!ok) {
            throw Object.assign(new Error(`${name} failed: ${result.message}`), result);
        }
        return result;
    }

    close(handle) {
        return this.exports.strata_abi_close(handle);
    }
}

/* strata.wasm with a host over memory. */
export function loadTable(host = new MemoryHost()) {
    const instance = new WebAssembly.Instance(moduleOf('strata.wasm'), host.imports());
    host.attach(instance.exports.memory);
    return { abi: new Abi(instance.exports), host };
}

/* ---- The runner ---------------------------------------------------------------------------------- */

const tests = [];
export const test = (name, body) => tests.push({ name, body });

/* Runs what was registered and closes with the line that `make test` adds up. */
export async function run() {
    let failed = 0;
    for (const { name, body } of tests) {
        try {
            await body();
            console.log(`ok    ${name}`);
        } catch (error) {
            failed++;
            console.log(`FAIL  ${name}\n${error.stack}`);
        }
    }
    console.log(`${tests.length - failed} passed, ${failed} failed`);
    process.exitCode = failed === 0 ? 0 : 1;
}
