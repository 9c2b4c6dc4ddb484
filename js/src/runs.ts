import { type Caller, checkOptions, type PageOptions, pages } from './caller.js';
import type { RunCreateResult, RunForkResult, RunRecord } from './generated/operations.js';
import { type AsOf, asOfArgs, asOfNames, type CallOptions } from './options.js';
import type { ObjectValue } from './values.js';

export interface RunCreateOptions extends CallOptions {
    parent?: string | undefined;
    tags?: readonly string[] | undefined;
    metadata?: ObjectValue | undefined;
}

export interface RunForkOptions extends CallOptions, AsOf {
    /** The name of the fork; a new unique one when left out. */
    name?: string | undefined;
    tags?: readonly string[] | undefined;
    metadata?: ObjectValue | undefined;
}

/** The runs of a database. Each change of state resolves to its version. */
export class Runs {
    readonly #caller: Caller;

    constructor(caller: Caller) {
        this.#caller = caller;
    }

    /** Creates an active run; without a name it gets a new unique one. */
    async create(name?: string, options?: RunCreateOptions): Promise<RunCreateResult> {
        checkOptions('runs.create', options, ['parent', 'tags', 'metadata', 'signal']);
        const { parent, tags, metadata } = options ?? {};
        return this.#caller.exec('run.create', { name, parent, tags, metadata }, options);
    }

    /**
     * Creates an active run that sees the run `name` as it is, or was at `asOf` or `asOfTime`, and goes on by
     * itself. It costs the same whatever that run holds.
     */
    async fork(name: string, options?: RunForkOptions): Promise<RunForkResult> {
        checkOptions('runs.fork', options, ['name', 'tags', 'metadata', ...asOfNames, 'signal']);
        const { name: fork, tags, metadata } = options ?? {};
        return this.#caller.exec('run.fork', { run: name, name: fork, tags, metadata, ...asOfArgs(options) }, options);
    }

    /** Deletes a run with all its keys and their history; forks of it go on to see what they saw. */
    async delete(name: string, options?: CallOptions): Promise<bigint> {
        return this.#change('run.delete', name, options);
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
        op: 'run.pause' | 'run.resume' | 'run.complete' | 'run.cancel' | 'run.archive' | 'run.delete',
        name: string,
        options: CallOptions | undefined,
    ): Promise<bigint> {
        checkOptions(op.replace('run', 'runs'), options, ['signal']);
        return (await this.#caller.exec(op, { name }, options)).version;
    }
}
