import { type Caller, type Camel, camel, checkOptions } from './caller.js';
import { Events } from './events.js';
import type { DbStatsResult, DbVerifyResult, OperationName, Operations } from './generated/operations.js';
import { Kv } from './kv.js';
import { Memories } from './memories.js';
import type { CallOptions } from './options.js';
import { Runs } from './runs.js';

/* Runtimes from before explicit resource management lack the symbol; compilers that translate
 * `await using` for them look for this one. */
const asyncDispose: typeof Symbol.asyncDispose =
    Symbol.asyncDispose ?? (Symbol.for('Symbol.asyncDispose') as typeof Symbol.asyncDispose);

/** What a run has: keys, events, memories. */
export class Run {
    /** Its name. */
    readonly name: string;
    readonly kv: Kv;
    readonly events: Events;
    readonly memory: Memories;

    constructor(caller: Caller, name: string | undefined) {
        this.name = name ?? 'default';
        this.kv = new Kv(caller, name);
        this.events = new Events(caller, name);
        this.memory = new Memories(caller, name);
    }
}

/** An open database. Its own kv, events and memory are those of the run 'default'. */
export class Database extends Run {
    readonly runs: Runs;
    /**
     * In a browser, whether it promised not to evict the data when space is short (undefined: not
     * asked). A promise, since Firefox asks the person.
     */
    readonly persisted: Promise<boolean | undefined>;
    readonly #caller: Caller;

    constructor(caller: Caller, persisted: Promise<boolean | undefined> = Promise.resolve(undefined)) {
        super(caller, undefined);
        this.#caller = caller;
        this.runs = new Runs(caller);
        this.persisted = persisted;
    }

    /** The run of that name, which should exist: db.runs.create makes it. */
    run(name: string): Run {
        return new Run(this.#caller, name);
    }

    /** Runs one operation of docs/operations.md with the names it has there. */
    exec<Name extends OperationName>(
        op: Name,
        args: Operations[Name]['args'],
        options?: CallOptions,
    ): Promise<Operations[Name]['result']> {
        return this.#caller.exec(op, args, options);
    }

    /** What the database holds and costs. */
    async stats(options?: CallOptions): Promise<Camel<DbStatsResult>> {
        checkOptions('stats', options, ['signal']);
        return camel(await this.#caller.exec('db.stats', {}, options));
    }

    /** Re-reads and checks the files, structures and hash chains. */
    async verify(options?: CallOptions): Promise<DbVerifyResult> {
        checkOptions('verify', options, ['signal']);
        return this.#caller.exec('db.verify', {}, options);
    }

    /** Makes everything committed so far durable; resolves to the last durable version. */
    async sync(options?: CallOptions): Promise<bigint> {
        checkOptions('sync', options, ['signal']);
        return (await this.#caller.exec('db.sync', {}, options)).version;
    }

    /** Flushes, syncs and closes; rejects when the last sync failed. */
    close(): Promise<void> {
        return this.#caller.close();
    }

    /** `await using db = await open(...)` closes it at the end of the block. */
    [asyncDispose](): Promise<void> {
        return this.close();
    }
}
