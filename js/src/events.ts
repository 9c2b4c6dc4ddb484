import { type Calls, type Camel, camel, checkOptions, type PageOptions, pages } from './caller.js';
import type { EventAppendResult, EventHeadResult, EventRecord, EventType, EventVerifyResult } from './generated/operations.js';
import { type AsOf, asOfArgs, asOfNames, type CallOptions, microseconds, type When } from './options.js';
import { EventTail, type EventTailOptions } from './tail.js';
import type { ObjectValue } from './values.js';

export interface EventRangeOptions extends PageOptions, AsOf {
    /** The first sequence; 1 when left out. */
    start?: number | bigint | undefined;
    /** The sequence to stop before. */
    end?: number | bigint | undefined;
    /** Only events committed at or after this time. */
    startTime?: When | undefined;
    /** Only events committed before this time. */
    endTime?: When | undefined;
    /** Only events of this type. */
    type?: string | undefined;
    /** From the last to the first. */
    reverse?: boolean | undefined;
}

/** The event log of one run: append only, each event bound to the one before it by a hash. */
export class Events {
    readonly #calls: Calls;
    readonly #run: string | undefined;

    constructor(calls: Calls, run: string | undefined) {
        this.#calls = calls;
        this.#run = run;
    }

    async append(type: string, payload: ObjectValue, options?: CallOptions): Promise<EventAppendResult> {
        checkOptions('events.append', options, ['signal']);
        return this.#calls.exec('event.append', { run: this.#run, type, payload }, options);
    }

    /** One event by its sequence; NotFound beyond the end. */
    async read(sequence: number | bigint, options?: CallOptions & AsOf): Promise<EventRecord> {
        checkOptions('events.read', options, [...asOfNames, 'signal']);
        const args = { run: this.#run, sequence, ...asOfArgs(options) };
        return (await this.#calls.exec('event.read', args, options)).event;
    }

    /** Events in order of sequence, or from the last to the first, read page by page. */
    range(options: EventRangeOptions = {}): AsyncGenerator<EventRecord, void, undefined> {
        const names = ['start', 'end', 'startTime', 'endTime', 'type', 'reverse', ...asOfNames, 'limit', 'signal'];
        checkOptions('events.range', options, names);
        return pages<EventRecord, number | bigint>(options, async (limit, cursor) => {
            const { type, reverse } = options;
            const args = {
                run: this.#run,
                start: reverse ? options.start : (cursor ?? options.start),
                end: reverse ? (cursor ?? options.end) : options.end,
                start_time: microseconds(options.startTime),
                end_time: microseconds(options.endTime),
                type,
                reverse,
                ...asOfArgs(options),
                limit,
            };
            const page = await this.#calls.exec('event.range', args, options);
            return { items: page.events, cursor: page.next };
        });
    }

    /**
     * What is there after a sequence, and then what comes, until the run is closed, return() is called (as
     * by `break`), or the signal aborts, which throws its reason. Waiting blocks nobody.
     */
    tail(options: EventTailOptions = {}): EventTail {
        checkOptions('events.tail', options, ['after', 'type', 'signal']);
        return new EventTail(this.#calls, this.#run, options);
    }

    /** How many there are, of one type or of all. */
    async count(options?: CallOptions & AsOf & { type?: string | undefined }): Promise<number> {
        checkOptions('events.count', options, ['type', ...asOfNames, 'signal']);
        const args = { run: this.#run, type: options?.type, ...asOfArgs(options) };
        return (await this.#calls.exec('event.count', args, options)).count;
    }

    /** The types of events, in order of type, with how many and when. */
    types(options: PageOptions & AsOf = {}): AsyncGenerator<Camel<EventType>, void, undefined> {
        checkOptions('events.types', options, [...asOfNames, 'limit', 'signal']);
        return pages<Camel<EventType>, string>(options, async (limit, cursor) => {
            const args = { run: this.#run, ...asOfArgs(options), limit, cursor };
            const page = await this.#calls.exec('event.types', args, options);
            return { items: page.types.map((type) => camel(type)), cursor: page.cursor };
        });
    }

    /** The last sequence (0 when there is none) and its hash. */
    async head(options?: CallOptions & AsOf): Promise<EventHeadResult> {
        checkOptions('events.head', options, [...asOfNames, 'signal']);
        return this.#calls.exec('event.head', { run: this.#run, ...asOfArgs(options) }, options);
    }

    /** Recomputes the chain of hashes. */
    async verify(options?: CallOptions): Promise<Camel<EventVerifyResult>> {
        checkOptions('events.verify', options, ['signal']);
        return camel(await this.#calls.exec('event.verify', { run: this.#run }, options));
    }
}
