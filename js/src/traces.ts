import { type Calls, type Camel, camel, checkOptions, type PageOptions, pages } from './caller.js';
import type { Trace, TraceRecordResult, TraceTreeResult } from './generated/operations.js';
import { type AsOf, asOfArgs, asOfNames, type CallOptions } from './options.js';
import type { ObjectValue } from './values.js';

export interface TraceOptions extends CallOptions {
    /** The record it came of. */
    parent?: string | undefined;
    tags?: readonly string[] | undefined;
    metadata?: ObjectValue | undefined;
    /** One that no record has; a new time-ordered one when left out. */
    id?: string | undefined;
}

export interface TracePageOptions extends PageOptions, AsOf {
    reverse?: boolean | undefined;
}

export interface TraceFilter {
    type?: string | undefined;
    tag?: string | undefined;
}

export interface TraceQueryOptions extends TracePageOptions, TraceFilter {
    /** Committed at or after this time, microseconds since the epoch. */
    after?: number | bigint | undefined;
    /** Committed before this time. */
    before?: number | bigint | undefined;
    parent?: string | undefined;
}

export interface TraceTreeOptions extends CallOptions, AsOf {
    /** So many generations below the record; all when left out. */
    depth?: number | undefined;
    /** 1-1000 records; 100 when left out. */
    limit?: number | undefined;
}

const pageNames = ['reverse', ...asOfNames, 'limit', 'signal'];

/** The traces of one run: what an agent did and why, as records that never change. */
export class Traces {
    readonly #calls: Calls;
    readonly #run: string | undefined;

    constructor(calls: Calls, run: string | undefined) {
        this.#calls = calls;
        this.#run = run;
    }

    /**
     * Records a step: tool_call {tool, arguments, result?, duration_ms?}, decision {question, options,
     * chosen, reasoning?}, query {query_type, query, results_count}, thought {content, confidence?}, error
     * {error_type, message, recoverable}, or any other type with any fields.
     */
    async record(type: string, content: ObjectValue, options?: TraceOptions): Promise<TraceRecordResult> {
        checkOptions('traces.record', options, ['parent', 'tags', 'metadata', 'id', 'signal']);
        const { parent, tags, metadata, id } = options ?? {};
        const args = { run: this.#run, type, content, parent, tags, metadata, id };
        return this.#calls.exec('trace.record', args, options);
    }

    /** One record; NotFound when there is none. */
    async get(id: string, options?: CallOptions & AsOf): Promise<Trace> {
        checkOptions('traces.get', options, [...asOfNames, 'signal']);
        return (await this.#calls.exec('trace.get', { run: this.#run, id, ...asOfArgs(options) }, options)).trace;
    }

    /** What came of a record, in order of id. */
    children(id: string, options: TracePageOptions = {}): AsyncGenerator<Trace, void, undefined> {
        checkOptions('traces.children', options, pageNames);
        return this.#query({ parent: id }, options);
    }

    /** A record and all that came of it, each before its children, with its depth. */
    async tree(id: string, options?: TraceTreeOptions): Promise<Camel<TraceTreeResult>> {
        checkOptions('traces.tree', options, ['depth', ...asOfNames, 'limit', 'signal']);
        const args = { run: this.#run, id, depth: options?.depth, limit: options?.limit, ...asOfArgs(options) };
        return camel(await this.#calls.exec('trace.tree', args, options));
    }

    /** Records that fit, in order of id, read page by page; all when nothing is asked for. */
    query(options: TraceQueryOptions = {}): AsyncGenerator<Trace, void, undefined> {
        checkOptions('traces.query', options, ['type', 'tag', 'after', 'before', 'parent', ...pageNames]);
        const { type, tag, after, before, parent } = options;
        return this.#query({ type, tag, after, before, parent }, options);
    }

    /** All records in order of id. */
    list(options: TracePageOptions = {}): AsyncGenerator<Trace, void, undefined> {
        checkOptions('traces.list', options, pageNames);
        return this.#query({}, options);
    }

    async count(options?: CallOptions & AsOf & TraceFilter): Promise<number> {
        checkOptions('traces.count', options, ['type', 'tag', ...asOfNames, 'signal']);
        const args = { run: this.#run, type: options?.type, tag: options?.tag, ...asOfArgs(options) };
        return (await this.#calls.exec('trace.count', args, options)).count;
    }

    #query(
        filter: Omit<TraceQueryOptions, keyof TracePageOptions>,
        options: TracePageOptions,
    ): AsyncGenerator<Trace, void, undefined> {
        return pages<Trace, string>(options, async (limit, cursor) => {
            const args = { run: this.#run, ...filter, reverse: options.reverse, ...asOfArgs(options), limit, cursor };
            const page = await this.#calls.exec('trace.query', args, options);
            return { items: page.traces, cursor: page.cursor };
        });
    }
}
