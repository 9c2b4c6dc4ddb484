import { type Calls, checkOptions } from './caller.js';
import type { Index } from './generated/operations.js';
import { type AsOf, asOfArgs, asOfNames, type CallOptions } from './options.js';

export interface IndexOptions extends CallOptions {
    /** What it is on; documents when left out. */
    primitive?: 'json' | 'memory' | 'entity' | undefined;
    /** Of entities: their schema. */
    schema?: string | undefined;
}

/** The secondary indexes of one run. Questions use them by themselves. */
export class Indexes {
    readonly #calls: Calls;
    readonly #run: string | undefined;

    constructor(calls: Calls, run: string | undefined) {
        this.#calls = calls;
        this.#run = run;
    }

    /** Makes an index on a path and fills it; resolves to the version from which on it is used. */
    async create(name: string, path: string, options?: IndexOptions): Promise<bigint> {
        checkOptions('index.create', options, ['primitive', 'schema', 'signal']);
        const { primitive, schema } = options ?? {};
        return (await this.#calls.exec('index.create', { run: this.#run, name, path, primitive, schema }, options)).version;
    }

    /** Drops an index; resolves to whether there was one. */
    async drop(name: string, options?: CallOptions): Promise<boolean> {
        checkOptions('index.drop', options, ['signal']);
        return (await this.#calls.exec('index.drop', { run: this.#run, name }, options)).existed;
    }

    /** All indexes, in order of name. */
    async list(options?: CallOptions & AsOf): Promise<Index[]> {
        checkOptions('index.list', options, [...asOfNames, 'signal']);
        return (await this.#calls.exec('index.list', { run: this.#run, ...asOfArgs(options) }, options)).indexes;
    }
}
