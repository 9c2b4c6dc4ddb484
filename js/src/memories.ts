import { type Calls, type Camel, camel, checkOptions, type PageOptions, pages } from './caller.js';
import { type FindOptions, findArgs, findNames } from './find.js';
import type { Hit, Memory, MemoryRememberResult, RecallStats } from './generated/operations.js';
import { type AsOf, asOfArgs, asOfNames, type CallOptions } from './options.js';
import type { ObjectValue } from './values.js';

export interface RememberOptions extends CallOptions {
    /** An existing one is replaced; a new time-ordered one when left out. */
    key?: string | undefined;
    metadata?: ObjectValue | undefined;
    tags?: readonly string[] | undefined;
}

export interface MemoryListOptions extends PageOptions, AsOf {
    prefix?: string | undefined;
    tag?: string | undefined;
    /** Committed at or after this time, microseconds since the epoch. */
    after?: number | bigint | undefined;
    /** Committed before this time. */
    before?: number | bigint | undefined;
    reverse?: boolean | undefined;
}

export interface RecallOptions extends CallOptions, AsOf {
    /** Hits wanted, 1-1000; 10 when left out. */
    k?: number | undefined;
    /** Whether to cut excerpts; true when left out. */
    snippets?: boolean | undefined;
    /** Whether to return whole texts and metadata. */
    withText?: boolean | undefined;
}

export interface RecallResult {
    /** Best first. */
    hits: Hit[];
    /** Whether a budget cut the search short. */
    truncated: boolean;
    stats: Camel<RecallStats>;
}

const filterNames = ['prefix', 'tag', 'after', 'before', 'reverse'];

/** The memories of one run. */
export class Memories {
    readonly #calls: Calls;
    readonly #run: string | undefined;

    constructor(calls: Calls, run: string | undefined) {
        this.#calls = calls;
        this.#run = run;
    }

    /** Remembers a text, to be recalled at once; resolves to its key and version. */
    async remember(text: string, options?: RememberOptions): Promise<MemoryRememberResult> {
        checkOptions('memory.remember', options, ['key', 'metadata', 'tags', 'signal']);
        const { key, metadata, tags } = options ?? {};
        return this.#calls.exec('memory.remember', { run: this.#run, text, key, metadata, tags }, options);
    }

    /** One memory; NotFound when there is none. */
    async get(key: string, options?: CallOptions & AsOf): Promise<Memory> {
        checkOptions('memory.get', options, [...asOfNames, 'signal']);
        const args = { run: this.#run, key, ...asOfArgs(options) };
        return (await this.#calls.exec('memory.get', args, options)).memory;
    }

    /** Forgets a memory: it is no longer recalled or listed. Resolves to whether there was one. */
    async forget(key: string, options?: CallOptions): Promise<boolean> {
        checkOptions('memory.forget', options, ['signal']);
        return (await this.#calls.exec('memory.forget', { run: this.#run, key }, options)).existed;
    }

    /** Memories in order of key, read page by page. */
    list(options: MemoryListOptions = {}): AsyncGenerator<Memory, void, undefined> {
        checkOptions('memory.list', options, [...filterNames, ...asOfNames, 'limit', 'signal']);
        const { prefix, tag, after, before, reverse } = options;
        return pages<Memory, string>(options, async (limit, cursor) => {
            const args = { run: this.#run, prefix, tag, after, before, reverse, ...asOfArgs(options), limit, cursor };
            const page = await this.#calls.exec('memory.list', args, options);
            return { items: page.memories, cursor: page.cursor };
        });
    }

    /**
     * Memories that a filter holds of (their paths are /text, /metadata/..., /tags), in order of key or of a
     * field, read page by page. An index on a path of the filter is used by itself.
     */
    find(options: FindOptions = {}): AsyncGenerator<Memory, void, undefined> {
        checkOptions('memory.find', options, findNames);
        return pages<Memory, string>(options, async (limit, cursor) => {
            const args = { run: this.#run, ...findArgs(options), limit, cursor };
            const page = await this.#calls.exec('memory.find', args, options);
            return { items: page.memories, cursor: page.cursor };
        });
    }

    /** The memories that fit a question best. */
    async recall(query: string, options?: RecallOptions): Promise<RecallResult> {
        checkOptions('memory.recall', options, ['k', 'snippets', 'withText', ...asOfNames, 'signal']);
        const { k, snippets, withText } = options ?? {};
        const args = { run: this.#run, query, k, snippets, with_text: withText, ...asOfArgs(options) };
        const { hits, truncated, stats } = await this.#calls.exec('memory.recall', args, options);
        return { hits, truncated, stats: camel(stats) };
    }
}
