import { type Caller, type Camel, camel, checkOptions, type PageOptions, pages } from './caller.js';
import type {
    RunBeginResult,
    RunCreateResult,
    RunForkResult,
    RunRecord,
    RunRevision,
    RunStatsResult,
    RunTagResult,
} from './generated/operations.js';
import { type AsOf, asOfArgs, asOfNames, type CallOptions, microseconds, type When } from './options.js';
import type { ObjectValue } from './values.js';

export interface RunCreateOptions extends CallOptions {
    parent?: string | undefined;
    tags?: readonly string[] | undefined;
    metadata?: ObjectValue | undefined;
    /** Keeps what the commit of each of its transactions had read, for history.explain. */
    provenance?: boolean | undefined;
}

export interface RunForkOptions extends CallOptions, AsOf {
    /** The name of the fork; a new unique one when left out. */
    name?: string | undefined;
    tags?: readonly string[] | undefined;
    metadata?: ObjectValue | undefined;
}

export interface RunEndOptions extends CallOptions {
    /** completed when left out. */
    status?: 'completed' | 'failed' | 'cancelled' | undefined;
    /** Why it failed or was cancelled. */
    error?: string | undefined;
}

export interface RunTagOptions extends CallOptions {
    add?: readonly string[] | undefined;
    remove?: readonly string[] | undefined;
}

export interface RunQueryOptions extends PageOptions, AsOf {
    /** Only those whose names begin so. */
    prefix?: string | undefined;
    status?: string | undefined;
    /** Only those with any of these tags. */
    tags?: readonly string[] | undefined;
    /** Only those under this run. */
    parent?: string | undefined;
    /** Only those created at or after this time. */
    createdAfter?: When | undefined;
    /** Only those created before this time. */
    createdBefore?: When | undefined;
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

    /** The run of that name, active: created as the options say if there is none, resumed if it is paused. */
    async begin(name: string, options?: RunCreateOptions): Promise<RunBeginResult> {
        checkOptions('runs.begin', options, ['parent', 'tags', 'metadata', 'provenance', 'signal']);
        const { parent, tags, metadata, provenance } = options ?? {};
        return this.#caller.exec('run.begin', { name, parent, tags, metadata, provenance }, options);
    }

    /** Closes a run to writes. */
    async end(name: string, options?: RunEndOptions): Promise<bigint> {
        checkOptions('runs.end', options, ['status', 'error', 'signal']);
        const { status, error } = options ?? {};
        return (await this.#caller.exec('run.end', { name, status, error }, options)).version;
    }

    /** Removes and adds tags, which are a set; of a run in any state. */
    async tag(name: string, options: RunTagOptions): Promise<RunTagResult> {
        checkOptions('runs.tag', options, ['add', 'remove', 'signal']);
        const { add, remove } = options;
        return this.#caller.exec('run.tag', { name, add, remove }, options);
    }

    /**
     * Merges into the metadata (RFC 7396: null removes); of a run in any state. With provenance, says
     * whether it keeps from now on what its commits had read.
     */
    async update(
        name: string,
        metadata: ObjectValue | undefined,
        options?: CallOptions & { provenance?: boolean | undefined },
    ): Promise<RunTagResult> {
        checkOptions('runs.update', options, ['provenance', 'signal']);
        return this.#caller.exec('run.update', { name, metadata, provenance: options?.provenance }, options);
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

    /** The runs that fit all that is asked, in order of name, read page by page. */
    query(options: RunQueryOptions = {}): AsyncGenerator<RunRecord, void, undefined> {
        const names = ['prefix', 'status', 'tags', 'parent', 'createdAfter', 'createdBefore'];
        checkOptions('runs.query', options, [...names, ...asOfNames, 'limit', 'signal']);
        const { prefix, status, tags, parent } = options;
        const created_after = microseconds(options.createdAfter);
        const created_before = microseconds(options.createdBefore);
        const fits = { prefix, status, tags, parent, created_after, created_before, ...asOfArgs(options) };
        return pages<RunRecord, string>(options, async (limit, cursor) => {
            const page = await this.#caller.exec('run.query', { ...fits, limit, cursor }, options);
            return { items: page.runs, cursor: page.cursor };
        });
    }

    /** The runs under a run, in order of name, read page by page. */
    children(name: string, options: PageOptions & AsOf = {}): AsyncGenerator<RunRecord, void, undefined> {
        checkOptions('runs.children', options, [...asOfNames, 'limit', 'signal']);
        return pages<RunRecord, string>(options, async (limit, cursor) => {
            const page = await this.#caller.exec('run.children', { name, ...asOfArgs(options), limit, cursor }, options);
            return { items: page.runs, cursor: page.cursor };
        });
    }

    /** The versions of the record, newest first: each change of status, tags and metadata. */
    history(
        name: string,
        options: PageOptions & { before?: bigint | number | undefined } = {},
    ): AsyncGenerator<RunRevision, void, undefined> {
        checkOptions('runs.history', options, ['before', 'limit', 'signal']);
        return pages<RunRevision, bigint | number>(options, async (limit, cursor) => {
            const args = { name, before: cursor ?? options.before, limit };
            const page = await this.#caller.exec('run.history', args, options);
            return { items: page.revisions, cursor: page.next };
        });
    }

    /** What it holds; reads all of it. */
    async stats(name: string, options?: CallOptions): Promise<Camel<RunStatsResult>> {
        checkOptions('runs.stats', options, ['signal']);
        return camel(await this.#caller.exec('run.stats', { name }, options));
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
