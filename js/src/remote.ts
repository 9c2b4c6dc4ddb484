/* A carrier to an engine in a worker.
 *
 * Invariants
 * 1. Every call ends: with its answer, or with Unavailable when the worker died. A worker that is killed
 *    (memory short, a crash) sends nothing, so the page asks for a Web Lock that the worker holds all its
 *    life: getting it means that the worker is gone.
 * 2. Whether a write that was under way then happened is not known, as after a crash; one that was
 *    acknowledged under 'strict' is stored.
 * 3. When the page goes away it asks for a sync, which the browser may or may not let the worker do:
 *    it shortens the window in which 'buffered' writes can be lost but is no promise.
 */
import type { Answer, Carrier } from './caller.js';
import { faultOfWire } from './fault.js';
import { Unavailable } from './generated/errors.js';
import { Encoder } from './msgpack.js';
import { SOURCE_NAME } from './host.js';
import { blobOf, type OpenOptions, openRequest } from './options.js';
import type { FromWorker, ToWorker, WireError } from './protocol.js';

interface Pending {
    resolve(answer: Answer): void;
    reject(error: unknown): void;
}

export class RemoteCarrier implements Carrier {
    readonly #worker: Worker;
    readonly #pending = new Map<number, Pending>();
    readonly #options: OpenOptions;
    readonly #lockWait = new AbortController();
    #nextId = 1;
    #dead: Error | undefined;
    #onOpened: ((error?: unknown) => void) | undefined;
    #onClosed: ((error?: unknown) => void) | undefined;
    readonly #onPageHide = (): void => this.#syncSoon();

    private constructor(worker: Worker, options: OpenOptions) {
        this.#worker = worker;
        this.#options = options;
        worker.onmessage = (event: MessageEvent<FromWorker>) => this.#receive(event.data);
        worker.onerror = (event) => this.#die(`the worker failed: ${event.message || 'it could not be loaded'}`);
        worker.onmessageerror = () => this.#die('the worker sent something that cannot be read');
    }

    /** Starts the worker and opens the database in it. name: of the OPFS database, null for memory. */
    static async open(worker: Worker, name: string | null, path: string, options: OpenOptions): Promise<RemoteCarrier> {
        const carrier = new RemoteCarrier(worker, options);
        const onAbort = (): void => carrier.#die('opening was aborted', options.signal?.reason);
        options.signal?.addEventListener('abort', onAbort, { once: true });
        try {
            const source = await blobOf(options.import);
            await new Promise<void>((resolve, reject) => {
                carrier.#onOpened = (error) => (error === undefined ? resolve() : reject(error));
                const request = new Encoder().encode(openRequest(path, options, source && SOURCE_NAME));
                carrier.#post({ kind: 'open', name, request, syncIntervalMs: options.syncIntervalMs, source });
            });
        } catch (error) {
            worker.terminate();
            throw options.signal?.aborted ? options.signal.reason : error;
        } finally {
            options.signal?.removeEventListener('abort', onAbort);
        }
        globalThis.addEventListener?.('pagehide', carrier.#onPageHide);
        return carrier;
    }

    exec(request: Uint8Array<ArrayBuffer>, write: boolean): Promise<Answer> {
        if (this.#dead) {
            return Promise.reject(this.#dead);
        }
        return new Promise((resolve, reject) => {
            const id = this.#nextId++;
            this.#pending.set(id, { resolve, reject });
            this.#post({ kind: 'exec', id, request, write }, [request.buffer]);
        });
    }

    async close(): Promise<void> {
        globalThis.removeEventListener?.('pagehide', this.#onPageHide);
        if (this.#dead) {
            return;
        }
        try {
            await new Promise<void>((resolve, reject) => {
                this.#onClosed = (error) => (error === undefined ? resolve() : reject(error));
                this.#post({ kind: 'close' });
            });
        } finally {
            this.#lockWait.abort();
            this.#dead ??= new Unavailable('the database is closed');
            this.#worker.terminate();
        }
    }

    #post(message: ToWorker, transfer: Transferable[] = []): void {
        this.#worker.postMessage(message, transfer);
    }

    #receive(message: FromWorker): void {
        switch (message.kind) {
            case 'progress':
                return this.#options.onProgress?.(message.progress);
            case 'log':
                return this.#options.onLog?.(message.line);
            case 'opened':
                this.#watch(message.lifeLock);
                return this.#onOpened?.();
            case 'failed':
                return this.#onOpened?.(fromWire(message.error));
            case 'answer':
                return this.#take(message.id)?.resolve(message);
            case 'broken':
                return this.#take(message.id)?.reject(fromWire(message.error));
            case 'closed':
                return this.#onClosed?.(message.error && fromWire(message.error));
        }
    }

    #take(id: number): Pending | undefined {
        const pending = this.#pending.get(id);
        this.#pending.delete(id);
        return pending;
    }

    #watch(lifeLock: string): void {
        if (lifeLock === '') {
            return;
        }
        navigator.locks
            .request(lifeLock, { signal: this.#lockWait.signal }, () => this.#die('the worker was ended'))
            .catch(() => undefined); // aborted by close
    }

    #die(what: string, cause?: unknown): void {
        if (this.#dead) {
            return;
        }
        this.#dead = new Unavailable(`${what}; open the database again`, {}, { cause });
        this.#worker.terminate();
        globalThis.removeEventListener?.('pagehide', this.#onPageHide);
        const pending = [...this.#pending.values()];
        this.#pending.clear();
        pending.forEach((call) => call.reject(this.#dead));
        this.#onOpened?.(this.#dead);
        this.#onClosed?.(this.#dead);
    }

    #syncSoon(): void {
        if (this.#options.durability !== 'memory' && !this.#options.readOnly) {
            this.exec(new Encoder().encode(['db.sync', {}]), true).catch(() => undefined); // the page is gone
        }
    }
}

function fromWire(error: WireError): Error {
    return faultOfWire(error, error.cause);
}
