/* Following the log of events: an async iterator that asks for what is there, and is asked again when
 * something may have come.
 *
 * Invariants
 * 1. Every event after the given one comes once, in order.
 * 2. While it waits nothing is in the engine or the worker: it waits for a write that goes through this
 *    client, which is every write there is, as a database has one client (the owner of its files).
 * 3. return() ends it at once, also a next() that waits, and nothing of it stays behind.
 */
import type { Calls } from './caller.js';
import { InvalidArgument } from './generated/errors.js';
import type { EventRecord } from './generated/operations.js';
import type { CallOptions } from './options.js';

export interface EventTailOptions extends CallOptions {
    /** The last sequence that is known: it begins behind it, 0 with the first. Only new ones when left out. */
    after?: number | bigint | undefined;
    /** Only events of this type. */
    type?: string | undefined;
}

const PAGE = 256;

export class EventTail implements AsyncIterableIterator<EventRecord, undefined, undefined> {
    readonly #calls: Calls;
    readonly #run: string | undefined;
    readonly #options: EventTailOptions;
    #after: number | bigint | undefined;
    #page: EventRecord[] = [];
    #ended = false;
    #over = false;
    #changed = false;
    #unwatch: (() => void) | undefined;
    #wake: (() => void) | undefined;
    /** next() may be called before the one before it has settled: they take turns. */
    #turn: Promise<unknown> = Promise.resolve();
    readonly #onAbort = (): void => this.#wake?.();

    constructor(calls: Calls, run: string | undefined, options: EventTailOptions) {
        if (!calls.watch) {
            throw new InvalidArgument('events.tail: a transaction sees no new events; follow the run itself');
        }
        this.#calls = calls;
        this.#run = run;
        this.#options = options;
        this.#after = options.after;
        this.#unwatch = calls.watch(() => {
            this.#changed = true;
            this.#wake?.();
        });
        options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    }

    [Symbol.asyncIterator](): this {
        return this;
    }

    next(): Promise<IteratorResult<EventRecord, undefined>> {
        const turn = this.#turn.then(() => this.#next());
        this.#turn = turn.catch(() => undefined);
        return turn;
    }

    async return(): Promise<IteratorResult<EventRecord, undefined>> {
        this.#end();
        return { done: true, value: undefined };
    }

    async #next(): Promise<IteratorResult<EventRecord, undefined>> {
        try {
            while (!this.#over && this.#page.length === 0) {
                await this.#read();
            }
        } catch (error) {
            this.#end();
            throw error;
        }
        const value = this.#over ? undefined : this.#page.shift();
        return value === undefined ? { done: true, value: undefined } : { done: false, value };
    }

    /* One page, after waiting for it if there was nothing the last time. */
    async #read(): Promise<void> {
        if (this.#ended) {
            this.#end();
            return;
        }
        this.#changed = false;
        const { type, signal } = this.#options;
        const args = { run: this.#run, after: this.#after, type, limit: PAGE };
        const { events, after, ended } = await this.#calls.exec('event.tail', args, { signal });
        this.#after = after;
        this.#page = events;
        this.#ended = ended;
        if (events.length === 0 && !ended) {
            await this.#wait();
        }
    }

    async #wait(): Promise<void> {
        await new Promise<void>((resolve) => {
            this.#wake = resolve;
            if (this.#changed || this.#over || this.#options.signal?.aborted) {
                resolve();
            }
        });
        this.#wake = undefined;
        this.#options.signal?.throwIfAborted();
    }

    #end(): void {
        this.#over = true;
        this.#page = [];
        this.#unwatch?.();
        this.#unwatch = undefined;
        this.#options.signal?.removeEventListener('abort', this.#onAbort);
        this.#wake?.();
    }
}
