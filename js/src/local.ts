/* A carrier to an engine in this thread, and the clock that drives its background work: there are no
 * threads in WebAssembly, so what is due is done a moment after a write, by a timer.
 *
 * The core syncs when the interval has passed since its last sync, also inside a write; a tick that comes
 * too early does nothing. So one tick after a write is not enough (a sync inside a write just before it
 * would put it off): ticks go on until one came a whole interval after the last write. That one leaves
 * nothing unsynced, and the clock stops until the next write.
 */
import type { Answer, Carrier } from './caller.js';
import type { Engine } from './engine.js';
import type { StrataError } from './errors.js';
import type { Listener } from './host.js';

/* The default of strata.h. */
const SYNC_INTERVAL_MS = 100;
/* A browser's clocks are coarse: a timer may seem early by that much. */
const SLACK_MS = 2;
/* In a response [false, ...] the second byte is the false. */
const MSGPACK_FALSE = 0xc2;

export class LocalCarrier implements Carrier {
    readonly #engine: Engine;
    readonly #intervalMs: number;
    readonly #log: Listener['log'];
    #timer: ReturnType<typeof setTimeout> | undefined;
    #lastWrite = 0;

    constructor(engine: Engine, options: { syncIntervalMs?: number | undefined; onLog?: Listener['log'] }) {
        this.#engine = engine;
        this.#intervalMs = options.syncIntervalMs ?? SYNC_INTERVAL_MS;
        this.#log = options.onLog;
    }

    exec(request: Uint8Array<ArrayBuffer>, write: boolean): Answer & { response: Uint8Array<ArrayBuffer> } {
        const response = this.#engine.exec(request);
        if (write) {
            this.#schedule();
        }
        return response[1] === MSGPACK_FALSE ? { response, failure: this.#engine.takeFailure() } : { response };
    }

    close(): void {
        clearTimeout(this.#timer);
        this.#engine.close();
    }

    #schedule(): void {
        this.#lastWrite = performance.now();
        if (this.#timer === undefined) {
            this.#startTimer();
        }
    }

    #startTimer(): void {
        this.#timer = setTimeout(() => this.#tick(), this.#intervalMs + SLACK_MS);
        // Node has an object for a timer; this one must not keep the process alive.
        (this.#timer as { unref?: () => void }).unref?.();
    }

    #tick(): void {
        this.#timer = undefined;
        try {
            this.#engine.tick();
        } catch (error) {
            // Nobody waits here. The core has stopped the writer: the next write, sync and close say why.
            const { code, message } = error as StrataError;
            this.#log?.({ level: 'error', message, fields: `code=${code}` });
            return;
        }
        if (performance.now() - this.#lastWrite < this.#intervalMs + SLACK_MS) {
            this.#startTimer();
        }
    }
}
