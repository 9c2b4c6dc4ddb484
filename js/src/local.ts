/* A carrier to an engine in this thread, and the clock that drives its background work: there are no
 * threads in WebAssembly, so what is due is done a moment after a write, by a timer.
 *
 * Invariants
 * 1. What a write left to do is done though nobody calls: synced, and its tables merged.
 * 2. No call waits for it longer than for one tick: between two of them is time for what came meanwhile.
 *
 * The core syncs when the interval has passed since its last sync, also inside a write; a tick that comes
 * too early does nothing. So one tick after a write is not enough (a sync inside a write just before it
 * would put it off): ticks go on until one came a whole interval after the last write. That one leaves
 * nothing unsynced, and the clock stops until the next write, unless tables are left to be merged: then the
 * next tick comes soon. (A writer that never pauses has no ticks; the core then flushes and merges inside
 * its commits.)
 */
import type { Answer, Carrier } from './caller.js';
import type { Engine } from './engine.js';
import type { StrataError } from './errors.js';
import type { Listener } from './host.js';

/* The default of strata.h. */
const SYNC_INTERVAL_MS = 100;
/* Between two ticks when there is more to do: half of the time is the caller's. */
const BUSY_INTERVAL_MS = 10;
/* A browser's clocks are coarse: a timer may seem early by that much. */
const SLACK_MS = 2;
/* In a response [false, ...] the second byte is the false. */
const MSGPACK_FALSE = 0xc2;

interface LocalOptions {
    syncIntervalMs?: number | undefined;
    onLog?: Listener['log'];
    /** Called after work in the background. */
    onTick?: (() => void) | undefined;
}

export class LocalCarrier implements Carrier {
    readonly #engine: Engine;
    readonly #intervalMs: number;
    readonly #log: Listener['log'];
    readonly #onTick: (() => void) | undefined;
    #timer: ReturnType<typeof setTimeout> | undefined;
    #lastWrite = 0;

    constructor(engine: Engine, options: LocalOptions) {
        this.#engine = engine;
        this.#intervalMs = options.syncIntervalMs ?? SYNC_INTERVAL_MS;
        this.#log = options.onLog;
        this.#onTick = options.onTick;
        this.#schedule(); // what the last process left to do
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
            this.#startTimer(this.#intervalMs + SLACK_MS);
        }
    }

    #startTimer(ms: number): void {
        this.#timer = setTimeout(() => this.#tick(), ms);
        // Node has an object for a timer; this one must not keep the process alive.
        (this.#timer as { unref?: () => void }).unref?.();
    }

    #tick(): void {
        this.#timer = undefined;
        let busy = false;
        try {
            busy = this.#engine.tick();
        } catch (error) {
            // Nobody waits here. If the writer was stopped the next write, sync and close say why; tables
            // that could not be merged are tried again.
            const { code, message } = error as StrataError;
            this.#log?.({ level: 'error', message, fields: `code=${code}` });
        }
        const due = this.#intervalMs + SLACK_MS;
        if (busy) {
            this.#startTimer(Math.min(BUSY_INTERVAL_MS, due));
        } else if (performance.now() - this.#lastWrite < due) {
            this.#startTimer(due);
        }
        this.#onTick?.();
    }
}
