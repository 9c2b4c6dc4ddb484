/* Transactions of a run: everything that they write is there at once, or nothing is.
 *
 * Invariants
 * 1. A call goes to the engine at the moment it is made, and the engine answers in that order: a commit
 *    comes after every call made before it, awaited or not.
 * 2. Once commit or rollback is called, nothing more of the transaction reaches the engine.
 * 3. Nothing is locked while a transaction is open; what a commit may find is Conflict, and then the
 *    function is run again from the beginning, on what is there now.
 */
import { type Calls, type Camel, camel, checkOptions } from './caller.js';
import { Closed, NotFound, Timeout } from './generated/errors.js';
import type { OperationName, Operations, TxnInfoResult } from './generated/operations.js';
import type { CallOptions } from './options.js';
import { again } from './retry.js';
import { asyncDispose, Scope } from './scope.js';

export type Isolation = 'serializable' | 'snapshot';

export interface BeginOptions extends CallOptions {
    /** It writes nothing, and never conflicts. */
    readOnly?: boolean | undefined;
    /**
     * serializable (default): it commits only if nothing that it has read was changed meanwhile.
     * snapshot: only if nothing was that it has both read and written.
     */
    isolation?: Isolation | undefined;
    /** It is over after so many milliseconds, and its next call throws Timeout; 0 (default): never. */
    timeoutMs?: number | undefined;
    /** What its commit is called in history.log. */
    label?: string | undefined;
    /** The id of the trace record that its commit belongs to; one that it writes itself, if left out. */
    trace?: string | undefined;
}

export interface TransactionOptions extends BeginOptions {
    /** How often the function is run again after a Conflict; 2 when left out. */
    retries?: number | undefined;
}

/**
 * A transaction. Its kv, events and memory are those of the run as it was when the transaction began,
 * with what the transaction has written. Versions that its writes resolve to are 0n: the version comes
 * with the commit. Increments and appended events never conflict; what they resolve to is what it
 * would be now.
 */
export class Transaction extends Scope {
    /** The commit that it sees the run at. */
    readonly version: bigint;
    readonly #joined: JoinedCalls;

    private constructor(joined: JoinedCalls, name: string | undefined, version: bigint) {
        super(joined, name);
        this.version = version;
        this.#joined = joined;
    }

    static async begin(calls: Calls, name: string | undefined, options: BeginOptions): Promise<Transaction> {
        const { readOnly, isolation, timeoutMs, label, trace, signal } = options;
        const args = { run: name, read_only: readOnly, isolation, timeout_ms: timeoutMs, label, trace };
        const { txn, version } = await calls.exec('txn.begin', args, { signal });
        return new Transaction(new JoinedCalls(calls, txn, signal), name, version);
    }

    /** Whether it was committed or rolled back. */
    get over(): boolean {
        return this.#joined.over;
    }

    /** Marks a point to go back to. */
    async savepoint(options?: CallOptions): Promise<number> {
        checkOptions('savepoint', options, ['signal']);
        return (await this.#joined.exec('txn.savepoint', {}, options)).savepoint;
    }

    /** Drops what was written since the savepoint; what was read since stays read. */
    async rollbackTo(savepoint: number, options?: CallOptions): Promise<void> {
        checkOptions('rollbackTo', options, ['signal']);
        await this.#joined.exec('txn.rollback_to', { savepoint }, options);
    }

    /** What it is and has done so far. */
    async info(options?: CallOptions): Promise<Camel<TxnInfoResult>> {
        checkOptions('info', options, ['signal']);
        return camel(await this.#joined.exec('txn.info', {}, options));
    }

    /**
     * Commits everything it has written, or nothing; it is over in either case. Resolves to the version.
     * Conflict: something that it has read was changed meanwhile.
     */
    async commit(options?: CallOptions): Promise<bigint> {
        checkOptions('commit', options, ['signal']);
        return (await this.#joined.last('txn.commit', options)).version;
    }

    /** Ends it without a trace; harmless when it is over. */
    async rollback(): Promise<void> {
        if (this.over) {
            return;
        }
        try {
            await this.#joined.last('txn.rollback');
        } catch (error) {
            // Its time was over, or the database was closed: it has left no trace.
            if (!(error instanceof Timeout || error instanceof NotFound || error instanceof Closed)) {
                throw error;
            }
        }
    }

    /** `await using tx = await run.begin()` rolls it back at the end of the block, if it is not over. */
    [asyncDispose](): Promise<void> {
        return this.rollback();
    }
}

type TxnOperation = { [Name in OperationName]: Operations[Name]['args'] extends { txn: unknown } ? Name : never }[OperationName];
type WithoutTxn<Name extends OperationName> = Omit<Operations[Name]['args'], 'txn'>;

/* Gives each call the number of the transaction. */
class JoinedCalls implements Calls {
    over = false;
    readonly #calls: Calls;
    readonly #txn: number;
    readonly #signal: AbortSignal | undefined;

    constructor(calls: Calls, txn: number, signal: AbortSignal | undefined) {
        this.#calls = calls;
        this.#txn = txn;
        this.#signal = signal;
    }

    async exec<Name extends OperationName>(
        op: Name,
        args: WithoutTxn<Name>,
        options?: CallOptions,
    ): Promise<Operations[Name]['result']> {
        this.#signal?.throwIfAborted();
        return this.#join(op, args, options);
    }

    /** The last call: after it the transaction is over. */
    async last<Name extends TxnOperation>(op: Name, options?: CallOptions): Promise<Operations[Name]['result']> {
        if (op !== 'txn.rollback') {
            this.#signal?.throwIfAborted();
            options?.signal?.throwIfAborted();
        }
        const answer = this.#join(op, {} as WithoutTxn<Name>);
        this.over = true;
        return answer;
    }

    async #join<Name extends OperationName>(
        op: Name,
        args: WithoutTxn<Name>,
        options?: CallOptions,
    ): Promise<Operations[Name]['result']> {
        if (this.over) {
            throw new Closed(`${op}: the transaction is over`);
        }
        return this.#calls.exec(op, { ...args, txn: this.#txn } as Operations[Name]['args'], options);
    }
}

/* ---- Until it is committed -------------------------------------------------------------------- */

export const beginNames = ['readOnly', 'isolation', 'timeoutMs', 'label', 'trace', 'signal'];

/** Begins, runs the function, commits; after a conflict again, when others have had time to go on. */
export async function transact<Result>(
    calls: Calls,
    name: string | undefined,
    body: (tx: Transaction) => Result | PromiseLike<Result>,
    options: TransactionOptions = {},
): Promise<Result> {
    checkOptions('transaction', options, ['retries', ...beginNames]);
    return again(options.retries, options.signal, async () => {
        const tx = await Transaction.begin(calls, name, options);
        try {
            const result = await body(tx);
            if (!tx.over) {
                await tx.commit();
            }
            return result;
        } catch (error) {
            await tx.rollback().catch(() => undefined); // the first error is the one to tell
            throw error;
        }
    });
}
