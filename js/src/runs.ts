import { type Caller, checkOptions, type PageOptions, pages } from './caller.js';
import type { RunCreateResult, RunRecord } from './generated/operations.js';
import { type AsOf, asOfArgs, asOfNames, type CallOptions } from './options.js';
import type { ObjectValue } from './values.js';

export interface RunCreateOptions extends CallOptions {
    parent?: string | undefined;
    tags?: readonly string[] | undefined;
    metadata?: ObjectValue | undefined;
    /** Keeps what the commit of each of its transactions had read, for history.explain. */
    provenance?: boolean | undefined;
}

/** The runs of a database. Each change of state resolves to its version. */
export class Runs {
    readonly #caller: Caller;

    constructor(caller: Caller) {
        this.#caller = caller;
    }

    /** Creates an active run; without a name it gets a new unique one. */
    async create(name?: string, options?: RunCreateOptions): Promise<RunCreateResult> {
        checkOptions('runs.create', options, ['parent', 'tags', 'metadata', 'provenance', 'signal']);
        const { parent, tags, metadata, provenance } = options ?? {};
        return this.#caller.exec('run.create', { name, parent, tags, metadata, provenance }, options);
    }

    async get(name: string, options?: CallOptions & AsOf): Promise<RunRecord> {
        checkOptions('runs.get', options, [...asOfNames, 'signal']);
        return (await this.#caller.exec('run.get', { name, ...asOfArgs(options) }, options)).run;
    }

    /** The runs in order of name, read page by page. */
    list(
        options: PageOptions & AsOf & { status?: string | undefined; tag?: string | undefined } = {},
    ): AsyncGenerator<RunRecord, void, undefined> {
        checkOptions('runs.list', options, ['status', 'tag', ...asOfNames, 'limit', 'signal']);
        const { status, tag } = options;
        return pages<RunRecord, string>(options, async (limit, cursor) => {
            const page = await this.#caller.exec('run.list', { status, tag, ...asOfArgs(options), limit, cursor }, options);
            return { items: page.runs, cursor: page.cursor };
        });
    }

    /** active -> paused. */
    async pause(name: string, options?: CallOptions): Promise<bigint> {
        return this.#change('run.pause', name, options);
    }

    /** paused -> active. */
    async resume(name: string, options?: CallOptions): Promise<bigint> {
        return this.#change('run.resume', name, options);
    }

    /** active -> completed. */
    async complete(name: string, options?: CallOptions): Promise<bigint> {
        return this.#change('run.complete', name, options);
    }

    /** active or paused -> failed, with the reason. */
    async fail(name: string, error: string, options?: CallOptions): Promise<bigint> {
        checkOptions('runs.fail', options, ['signal']);
        return (await this.#caller.exec('run.fail', { name, error }, options)).version;
    }

    /** active or paused -> cancelled. */
    async cancel(name: string, options?: CallOptions): Promise<bigint> {
        return this.#change('run.cancel', name, options);
    }

    /** Any state -> archived, for good. */
    async archive(name: string, options?: CallOptions): Promise<bigint> {
        return this.#change('run.archive', name, options);
    }

    async #change(
        op: 'run.pause' | 'run.resume' | 'run.complete' | 'run.cancel' | 'run.archive',
        name: string,
        options: CallOptions | undefined,
    ): Promise<bigint> {
        checkOptions(op.replace('run', 'runs'), options, ['signal']);
        return (await this.#caller.exec(op, { name }, options)).version;
    }
}
