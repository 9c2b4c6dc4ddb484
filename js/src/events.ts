import { type Calls, type Camel, camel, checkOptions, type PageOptions, pages } from './caller.js';
import type { EventAppendResult, EventHeadResult, EventRecord, EventVerifyResult } from './generated/operations.js';
import { type AsOf, asOfArgs, asOfNames, type CallOptions } from './options.js';
import type { ObjectValue } from './values.js';

export interface EventRangeOptions extends PageOptions, AsOf {
    /** The first sequence; 1 when left out. */
    start?: number | bigint | undefined;
    /** The sequence to stop before. */
    end?: number | bigint | undefined;
    /** Only events of this type. */
    type?: string | undefined;
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

    /** Events in order of sequence, read page by page. */
    range(options: EventRangeOptions = {}): AsyncGenerator<EventRecord, void, undefined> {
        checkOptions('events.range', options, ['start', 'end', 'type', ...asOfNames, 'limit', 'signal']);
        return pages<EventRecord, number | bigint>(options, async (limit, cursor) => {
            const { end, type } = options;
            const start = cursor ?? options.start;
            const args = { run: this.#run, start, end, type, ...asOfArgs(options), limit };
            const page = await this.#calls.exec('event.range', args, options);
            return { items: page.events, cursor: page.next };
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
