import { type Caller, type Calls, type Camel, camel, checkOptions } from './caller.js';
import type {
    DbBackupResult,
    DbCheckpointResult,
    DbCompactResult,
    DbExportResult,
    DbStatsResult,
    DbVerifyResult,
    OperationName,
    Operations,
} from './generated/operations.js';
import { History } from './history.js';
import { Indexes } from './indexes.js';
import type { CallOptions } from './options.js';
import { Retention } from './retention.js';
import { Runs } from './runs.js';
import { asyncDispose, Scope } from './scope.js';
import { Snapshots } from './snapshots.js';
import { type BeginOptions, beginNames, transact, Transaction, type TransactionOptions } from './transaction.js';

/** What a run has: keys, events, memories, transactions over them, and their history. */
export class Run extends Scope {
    readonly history: History;
    readonly indexes: Indexes;
    readonly #calls: Calls;
    readonly #run: string | undefined;

    constructor(calls: Calls, name: string | undefined) {
        super(calls, name);
        this.#calls = calls;
        this.#run = name;
        this.history = new History(calls, name);
        this.indexes = new Indexes(calls, name);
    }

    /**
     * Runs the function in a transaction: commits when it resolves, rolls back when it throws. After a
     * Conflict the function is run again (`retries`), so it should do nothing that cannot be done twice.
     * Only what goes through `tx` is part of the transaction. Resolves to what the function gave.
     */
    transaction<Result>(
        body: (tx: Transaction) => Result | PromiseLike<Result>,
        options?: TransactionOptions,
    ): Promise<Result> {
        return transact(this.#calls, this.#run, body, options);
    }

    /** A transaction to be ended by its commit() or rollback(): `await using tx = await run.begin()`. */
    async begin(options: BeginOptions = {}): Promise<Transaction> {
        checkOptions('begin', options, beginNames);
        return Transaction.begin(this.#calls, this.#run, options);
    }
}

/** An open database. Its own kv, events and memory are those of the run 'default'. */
export class Database extends Run {
    readonly runs: Runs;
    readonly retention: Retention;
    readonly snapshots: Snapshots;
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
        this.retention = new Retention(caller);
        this.snapshots = new Snapshots(caller);
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

    /** Brings everything committed so far into tables, so that the next opening reads no log. */
    async checkpoint(options?: CallOptions): Promise<DbCheckpointResult> {
        checkOptions('checkpoint', options, ['signal']);
        return this.#caller.exec('db.checkpoint', {}, options);
    }

    /** Makes tables of the log, and with mode 'full' (default) merges all tables as retention wants it. */
    async compact(options?: CallOptions & { mode?: 'wal' | 'full' | undefined }): Promise<Camel<DbCompactResult>> {
        checkOptions('compact', options, ['mode', 'signal']);
        return camel(await this.#caller.exec('db.compact', { mode: options?.mode }, options));
    }

    /** In Node: brings a folder with a copy of the database up to now. It opens like any other. */
    async backup(path: string, options?: CallOptions): Promise<Camel<DbBackupResult>> {
        checkOptions('backup', options, ['signal']);
        return camel(await this.#caller.exec('db.backup', { path }, options));
    }

    /** In Node: writes all versions of all keys into one compressed file, which must not be there yet. */
    async export(path: string, options?: CallOptions): Promise<DbExportResult> {
        checkOptions('export', options, ['signal']);
        return this.#caller.exec('db.export', { path }, options);
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
