/* The package in Node: the engine runs in the caller's thread, on files. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Caller, type Carrier } from './caller.js';
import { Database } from './database.js';
import { Engine } from './engine.js';
import { type Source, SOURCE_NAME } from './host.js';
import { Internal, InvalidArgument } from './generated/errors.js';
import { NodeStorage } from './hosts/node.js';
import { LocalCarrier } from './local.js';
import { Encoder } from './msgpack.js';
import { blobOf, checkOpenOptions, type OpenOptions, openRequest } from './options.js';

export * from './api.js';

let compiled: Promise<WebAssembly.Module> | undefined;

/**
 * Opens a database: ':memory:', 'file:./notes.strata' (a folder, made if missing) or a file: URL; in a
 * browser 'opfs:NAME'.
 */
export async function open(target: string | URL, options: OpenOptions = {}): Promise<Database> {
    checkOpenOptions(options);
    options.signal?.throwIfAborted();
    const path = pathOf(String(target));
    compiled ??= compile();
    const module = await compiled.catch((error: unknown) => {
        compiled = undefined;
        throw new Internal(`cannot load strata.wasm: ${(error as Error).message}`, {}, { cause: error });
    });
    const file = typeof options.import === 'string' ? options.import : undefined;
    const source = file === undefined ? await sourceOf(options.import) : undefined;
    options.signal?.throwIfAborted();
    const engine = await Engine.open(
        module,
        new NodeStorage(), // of ':memory:' too: an export is a file
        new Encoder().encode(openRequest(path, options, file ?? (source && SOURCE_NAME))),
        { progress: options.onProgress, log: options.onLog },
        source,
    );
    return new Database(new Caller(closedAtExit(new LocalCarrier(engine, options))));
}

/* Node cannot read a Blob synchronously. */
async function sourceOf(from: OpenOptions['import']): Promise<Source | undefined> {
    const blob = await blobOf(from);
    if (!blob) {
        return undefined;
    }
    const bytes = new Uint8Array(await blob.arrayBuffer());
    const read = (offset: number, into: Uint8Array): number => {
        const part = bytes.subarray(offset, offset + into.length);
        into.set(part);
        return part.length;
    };
    return { size: bytes.length, read };
}

/* A program that ends without close() is no crash: what it wrote is stored all the same. */
const carriers = new Set<Carrier>();

function closedAtExit(carrier: LocalCarrier): Carrier {
    if (carriers.size === 0) {
        process.on('exit', closeAll);
    }
    const entry: Carrier = {
        exec: (request, write) => carrier.exec(request, write),
        close: () => {
            carriers.delete(entry);
            if (carriers.size === 0) {
                process.off('exit', closeAll);
            }
            carrier.close();
        },
    };
    carriers.add(entry);
    return entry;
}

function closeAll(): void {
    for (const carrier of carriers) {
        try {
            void carrier.close();
        } catch (error) {
            process.emitWarning(`a database could not be closed at exit: ${(error as Error).message}`);
        }
    }
}

async function compile(): Promise<WebAssembly.Module> {
    return WebAssembly.compile(new Uint8Array(await readFile(new URL('./strata.wasm', import.meta.url))));
}

function pathOf(target: string): string {
    if (target === ':memory:') {
        return target;
    }
    if (!target.startsWith('file:')) {
        const hint = target.startsWith('opfs:') ? 'opfs: is for browsers; in Node ' : '';
        throw new InvalidArgument(`cannot open ${target}: ${hint}use ':memory:' or 'file:PATH'`);
    }
    const path = target.startsWith('file://') ? fileURLToPath(target) : target.slice('file:'.length);
    if (path === '') {
        throw new InvalidArgument(`cannot open ${target}: it names no path`);
    }
    return path;
}
