/* The engine: one instance of the WebAssembly module with one database open in it.
 *
 * The module is the portable core behind hosts/wasm/abi.c. It imports nothing but the functions of
 * host.h (module "strata_host") and exports the ABI: requests and responses are MessagePack in its
 * linear memory.
 *
 * Invariants
 * 1. A view of the linear memory is made anew for each use: any call into the module may grow the
 *    memory, and that detaches the views made before.
 * 2. No import throws into the module: an exception would unwind through C frames that hold locks.
 *    A failure of the host is a negative status there, and becomes the cause of the error that the
 *    core makes of it, so that a user sees ENOSPC and not just no_space.
 * 3. A trap (a failed assertion, memory exhausted) leaves the core in the middle of something. The
 *    engine is then dead and every later call says so; what is on disk is as after a crash.
 * 4. One module instance per database: closing gives all of its memory back.
 *
 * Rejected: one instance for all databases of a process, which the ABI allows. A trap would then take
 * them all, and a WebAssembly memory never shrinks.
 */
import { fault, faultOfStatus, faultOfWire, statusOf } from './fault.js';
import { Closed, Internal, Unavailable } from './generated/errors.js';
import { type Listener, type LogLevel, type Source, SOURCE_NAME, type Storage } from './host.js';
import { decode } from './msgpack.js';

const ABI_VERSION = 1;
/* Kept for requests; larger ones get memory of their own for the call. */
const SCRATCH_BYTES = 64 << 10;
const TICK_BUDGET_US = 10_000;
/* Above the numbers that storages give their files. */
const SOURCE_FILE = 0x7fffffff;

interface Exports {
    memory: WebAssembly.Memory;
    _initialize?(): void;
    strata_abi_version(): number;
    strata_alloc(size: number): number;
    strata_free(ptr: number, size: number): void;
    strata_abi_open(request: number, len: number): number;
    strata_abi_exec(handle: number, request: number, len: number): number;
    strata_response_ptr(): number;
    strata_response_len(): number;
    strata_abi_tick(handle: number, budgetUs: number): number;
    strata_abi_close(handle: number): number;
}

const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

export class Engine {
    readonly #exports: Exports;
    readonly #imports: HostImports;
    #scratch = 0;
    #handle = 0;
    #dead: Error | undefined;

    private constructor(exports: Exports, imports: HostImports) {
        this.#exports = exports;
        this.#imports = imports;
    }

    /**
     * Makes an instance of the module and opens the database that the request names. source: the export
     * that the request calls SOURCE_NAME.
     */
    static async open(
        module: WebAssembly.Module,
        storage: Storage,
        request: Uint8Array,
        listener: Listener = {},
        source?: Source,
    ): Promise<Engine> {
        const imports = new HostImports(storage, listener);
        imports.source = source;
        const instance = await WebAssembly.instantiate(module, { strata_host: imports.table() });
        const exports = instance.exports as unknown as Exports;
        imports.memory = exports.memory;
        const engine = new Engine(exports, imports);
        engine.#open(request);
        imports.source = undefined;
        return engine;
    }

    #open(request: Uint8Array): void {
        this.#handle = this.#guard(() => {
            this.#exports._initialize?.();
            const version = this.#exports.strata_abi_version();
            if (version !== ABI_VERSION) {
                throw new Internal(`strata.wasm speaks version ${version} of the ABI, this package ${ABI_VERSION}`);
            }
            this.#scratch = this.#alloc(SCRATCH_BYTES);
            return this.#send(request, (ptr, len) => this.#exports.strata_abi_open(ptr, len));
        });
        if (this.#handle === 0) {
            const [, error] = decode(this.#response()) as [boolean, unknown];
            throw faultOfWire(error, this.#imports.takeFailure());
        }
    }

    /**
     * Runs one encoded operation. The response is a copy. An error of the operation is in the response;
     * only a dead engine throws.
     */
    exec(request: Uint8Array): Uint8Array<ArrayBuffer> {
        return this.#guard(() => {
            this.#imports.takeFailure();
            const status = this.#send(request, (ptr, len) => this.#exports.strata_abi_exec(this.#handle, ptr, len));
            const response = this.#response();
            if (response.length === 0) {
                throw faultOfStatus(status, 'the engine gave no response');
            }
            return response.slice();
        });
    }

    /** What the host threw during the last exec, if it failed there. */
    takeFailure(): unknown {
        return this.#imports.takeFailure();
    }

    /**
     * Does some of the work that is due in the background: the sync of buffered writes, merging tables.
     * True when it took all the time it was given, so that there may be more.
     */
    tick(): boolean {
        const until = performance.now() + TICK_BUDGET_US / 1000; // as the core measures it, by the same clock
        const status = this.#guard(() => this.#exports.strata_abi_tick(this.#handle, TICK_BUDGET_US));
        if (status !== 0) {
            throw faultOfStatus(status, 'background work failed', this.#imports.takeFailure());
        }
        return performance.now() >= until;
    }

    /** Flushes, syncs and closes; throws when the last sync failed. The engine is gone in any case. */
    close(): void {
        if (this.#dead) {
            return;
        }
        const status = this.#guard(() => this.#exports.strata_abi_close(this.#handle));
        const response = this.#response().slice();
        this.#dead = new Closed('the database is closed');
        if (status !== 0) {
            const [, error] = decode(response) as [boolean, unknown];
            throw faultOfWire(error, this.#imports.takeFailure());
        }
    }

    #guard<T>(call: () => T): T {
        if (this.#dead) {
            throw this.#dead;
        }
        try {
            return call();
        } catch (error) {
            if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) {
                this.#dead = new Unavailable(
                    `the engine stopped (${error.message}); what is stored is as after a crash: open it again`,
                    {},
                    { cause: error },
                );
                throw this.#dead;
            }
            throw error;
        }
    }

    #alloc(size: number): number {
        const ptr = this.#exports.strata_alloc(size) >>> 0;
        if (ptr === 0) {
            throw fault('no_memory', `no memory for a request of ${size} bytes`);
        }
        return ptr;
    }

    #send(request: Uint8Array, call: (ptr: number, len: number) => number): number {
        const large = request.length > SCRATCH_BYTES;
        const ptr = large ? this.#alloc(request.length) : this.#scratch;
        try {
            new Uint8Array(this.#exports.memory.buffer, ptr, request.length).set(request);
            return call(ptr, request.length);
        } finally {
            if (large) {
                this.#exports.strata_free(ptr, request.length);
            }
        }
    }

    #response(): Uint8Array {
        const ptr = this.#exports.strata_response_ptr() >>> 0;
        return new Uint8Array(this.#exports.memory.buffer, ptr, this.#exports.strata_response_len() >>> 0);
    }
}

/* The import table. Names and texts are UTF-8 in the linear memory; a negative result is minus a
 * status. */
class HostImports {
    memory: WebAssembly.Memory | undefined;
    source: Source | undefined;
    readonly #storage: Storage;
    readonly #listener: Listener;
    readonly #utf8 = new TextEncoder();
    readonly #decoder = new TextDecoder();
    #failure: unknown;

    constructor(storage: Storage, listener: Listener) {
        this.#storage = storage;
        this.#listener = listener;
    }

    takeFailure(): unknown {
        const failure = this.#failure;
        this.#failure = undefined;
        return failure;
    }

    table(): WebAssembly.ModuleImports {
        const storage = this.#storage;
        const none = (work: () => void): number =>
            this.#try(() => {
                work();
                return 0;
            });
        return {
            open: (name: number, len: number, flags: number) =>
                this.#try(() => {
                    const path = this.#text(name, len);
                    return this.source && path === SOURCE_NAME ? SOURCE_FILE : storage.open(path, flags);
                }),
            read_at: (file: number, offset: number, ptr: number, len: number) =>
                this.#try(() => {
                    const into = this.#bytes(ptr, len);
                    return this.#from(file)?.read(offset, into) ?? storage.readAt(file, offset, into);
                }),
            append: (file: number, ptr: number, len: number) => none(() => storage.append(file, this.#bytes(ptr, len))),
            write_at: (file: number, offset: number, ptr: number, len: number) =>
                none(() => storage.writeAt(file, offset, this.#bytes(ptr, len))),
            truncate: (file: number, size: number) => none(() => storage.truncate(file, size)),
            sync: (file: number) => none(() => storage.sync(file)),
            size: (file: number) => this.#try(() => this.#from(file)?.size ?? storage.size(file)),
            close: (file: number) => none(() => this.#from(file) ?? storage.close(file)),
            remove: (name: number, len: number) => none(() => storage.remove(this.#text(name, len))),
            list: (folder: number, len: number, ptr: number, cap: number) =>
                this.#try(() => {
                    const names = storage.list(this.#text(folder, len));
                    const all = this.#utf8.encode(names.map((name) => `${name}\0`).join(''));
                    if (all.length <= cap) {
                        this.#bytes(ptr, all.length).set(all);
                    }
                    return all.length;
                }),
            lock: (folder: number, len: number, holder: number, cap: number) =>
                this.#lock(this.#text(folder, len), holder, cap),
            unlock: (lock: number) => none(() => storage.unlock(lock)),
            // performance.now() has more digits, but drifts from the wall while the machine sleeps.
            wall_us: () => Date.now() * 1000,
            monotonic_ns: () => performance.now() * 1e6,
            random: (ptr: number, len: number) => none(() => this.#random(ptr, len)),
            log: (level: number, message: number, messageLen: number, fields: number, fieldsLen: number) =>
                this.#tell(() =>
                    this.#listener.log?.({
                        level: LOG_LEVELS[level] ?? 'info',
                        message: this.#text(message, messageLen),
                        fields: this.#text(fields, fieldsLen),
                    }),
                ),
            progress: (stage: number, len: number, done: number, total: number) =>
                this.#tell(() => this.#listener.progress?.({ stage: this.#text(stage, len), done, total })),
        };
    }

    #from(file: number): Source | undefined {
        return file === SOURCE_FILE ? this.source : undefined;
    }

    #try(work: () => number): number {
        try {
            return work();
        } catch (error) {
            this.#failure = error;
            return -statusOf(error);
        }
    }

    /* A listener is the user's: what it throws must not pass through the engine, nor be lost. */
    #tell(work: () => void): void {
        try {
            work();
        } catch (error) {
            queueMicrotask(() => {
                throw error;
            });
        }
    }

    #lock(folder: string, holder: number, cap: number): number {
        return this.#try(() => {
            try {
                return this.#storage.lock(folder);
            } catch (error) {
                const words = (error as { details?: { holder?: unknown } }).details?.holder;
                if (typeof words === 'string' && cap > 0) {
                    const into = this.#bytes(holder, cap);
                    const { written } = this.#utf8.encodeInto(words, into.subarray(0, cap - 1));
                    into[written] = 0;
                }
                throw error;
            }
        });
    }

    #random(ptr: number, len: number): void {
        const STEP = 65536; // what getRandomValues gives in one call
        for (let at = 0; at < len; at += STEP) {
            const chunk = new Uint8Array(Math.min(STEP, len - at));
            crypto.getRandomValues(chunk);
            this.#bytes(ptr + at, chunk.length).set(chunk);
        }
    }

    #bytes(ptr: number, len: number): Uint8Array<ArrayBuffer> {
        const memory = this.memory as WebAssembly.Memory;
        return new Uint8Array(memory.buffer, ptr >>> 0, len >>> 0);
    }

    #text(ptr: number, len: number): string {
        return this.#decoder.decode(this.#bytes(ptr, len));
    }
}
