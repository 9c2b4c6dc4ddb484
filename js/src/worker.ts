/* The engine's side of a browser: a dedicated module worker with one database.
 *
 * Requests are run in the order in which they come, one at a time. Between two of them, and after work
 * in the background, the pool of files is filled up, since OPFS opens files asynchronously only.
 */
import { Engine } from './engine.js';
import { Closed, Internal } from './generated/errors.js';
import type { LogLine, Source } from './host.js';
import { noStorage } from './hosts/none.js';
import { OpfsStorage } from './hosts/opfs.js';
import { LocalCarrier } from './local.js';
import { type FromWorker, postable, type ToWorker, toWire } from './protocol.js';

/** TypeScript has it in its library for workers only, which excludes the one for pages. */
declare class FileReaderSync {
    readAsArrayBuffer(blob: Blob): ArrayBuffer;
}

interface OpenDatabase {
    carrier: LocalCarrier;
    storage: OpfsStorage | undefined;
}

const queue: ToWorker[] = [];
let working = false;
let database: OpenDatabase | undefined;

self.onmessage = (event: MessageEvent<ToWorker>) => {
    queue.push(event.data);
    if (!working) {
        working = true;
        void work();
    }
};

async function work(): Promise<void> {
    for (let message = queue.shift(); message; message = queue.shift()) {
        await addSpares();
        if (message.kind === 'open') {
            await open(message);
        } else if (message.kind === 'exec') {
            exec(message.id, message.request, message.write);
        } else {
            close();
        }
    }
    await addSpares(); // ahead of need
    if (queue.length > 0) {
        return work();
    }
    working = false;
}

/* Only when files were taken, so that a plain request waits for nothing. */
function addSpares(): Promise<void> | undefined {
    return database?.storage?.needsSpares ? database.storage.addSpares() : undefined;
}

async function open(message: ToWorker & { kind: 'open' }): Promise<void> {
    const onLog = (line: LogLine): void => post({ kind: 'log', line });
    let storage: OpfsStorage | undefined;
    try {
        const module = await compile();
        const { name, source } = message;
        storage = name === null ? undefined : await OpfsStorage.open(name, onLog, source?.size);
        const engine = await Engine.open(
            module,
            storage ?? noStorage,
            message.request,
            { log: onLog, progress: (progress) => post({ kind: 'progress', progress }) },
            source && readable(source),
        );
        const carrier = new LocalCarrier(engine, {
            syncIntervalMs: message.syncIntervalMs,
            onLog,
            onTick: () => void addSpares(),
        });
        database = { carrier, storage };
        post({ kind: 'opened', lifeLock: await holdLifeLock() });
    } catch (error) {
        storage?.end();
        post({ kind: 'failed', error: toWire(error) });
    }
}

/* Read as it is needed, so that it may be larger than memory. */
function readable(blob: Blob): Source {
    const reader = new FileReaderSync();
    const read = (offset: number, into: Uint8Array): number => {
        const bytes = new Uint8Array(reader.readAsArrayBuffer(blob.slice(offset, offset + into.length)));
        into.set(bytes);
        return bytes.length;
    };
    return { size: blob.size, read };
}

function exec(id: number, request: Uint8Array<ArrayBuffer>, write: boolean): void {
    try {
        if (!database) {
            throw new Closed('no database is open in this worker');
        }
        const { response, failure } = database.carrier.exec(request, write);
        post({ kind: 'answer', id, response, failure: postable(failure) }, [response.buffer]);
    } catch (error) {
        post({ kind: 'broken', id, error: toWire(error) });
    }
}

function close(): void {
    const closing = database;
    database = undefined;
    try {
        closing?.carrier.close();
        post({ kind: 'closed', error: undefined });
    } catch (error) {
        post({ kind: 'closed', error: toWire(error) });
    } finally {
        closing?.storage?.end();
    }
}

async function compile(): Promise<WebAssembly.Module> {
    const url = new URL('./strata.wasm', import.meta.url);
    const response = await fetch(url);
    if (!response.ok) {
        throw new Internal(`cannot load ${url}: ${response.status} ${response.statusText}`);
    }
    // A server that does not know application/wasm costs a little time and is no error.
    return response.headers.get('content-type') === 'application/wasm'
        ? WebAssembly.compileStreaming(response)
        : WebAssembly.compile(await response.arrayBuffer());
}

/* Held until this worker ends, in whatever way: the page waits for it (remote.ts). */
async function holdLifeLock(): Promise<string> {
    if (!navigator.locks) {
        return '';
    }
    const name = `strata:worker:${crypto.randomUUID()}`;
    await new Promise<void>((held) => {
        void navigator.locks.request(name, () => {
            held();
            return new Promise<never>(() => undefined);
        });
    });
    return name;
}

function post(message: FromWorker, transfer: Transferable[] = []): void {
    self.postMessage(message, { transfer });
}
