import { type Calls, checkOptions, type PageOptions, pages } from './caller.js';
import { NotFound } from './generated/errors.js';
import type { Cell, CellRevision, StateReadResult, StateSetResult } from './generated/operations.js';
import { type AsOf, asOfArgs, asOfNames, type CallOptions } from './options.js';
import { again } from './retry.js';
import type { StoredValue, Value } from './values.js';

export interface StateListOptions extends PageOptions, AsOf {
    prefix?: string | undefined;
    reverse?: boolean | undefined;
}

export interface StateExpected {
    /** The counter it must have; 0: there must be no cell. Counters begin at 1 again after a delete. */
    expectedCounter?: number | bigint | undefined;
    /** The version it must have; 0: there must be no cell. */
    expectedVersion?: number | bigint | undefined;
    /** The value it must have. */
    expectedValue?: Value | undefined;
}

export interface TransitionOptions extends CallOptions {
    /** How often the function is run again after a Conflict; 2 when left out. */
    retries?: number | undefined;
}

/** The state cells of one run: named values that change one step at a time. */
export class States {
    readonly #calls: Calls;
    readonly #run: string | undefined;

    constructor(calls: Calls, run: string | undefined) {
        this.#calls = calls;
        this.#run = run;
    }

    /** Makes a cell; AlreadyExists if there is one. Resolves to its counter (1) and version. */
    async init(name: string, value: Value, options?: CallOptions): Promise<StateSetResult> {
        checkOptions('states.init', options, ['signal']);
        return this.#calls.exec('state.init', { run: this.#run, name, value }, options);
    }

    /** A cell with its counter, version and timestamp; NotFound when there is none. */
    async read(name: string, options?: CallOptions & AsOf): Promise<StateReadResult> {
        checkOptions('states.read', options, [...asOfNames, 'signal']);
        return this.#calls.exec('state.read', { run: this.#run, name, ...asOfArgs(options) }, options);
    }

    /** Writes a cell, whatever is there; resolves to its counter and version. */
    async set(name: string, value: Value, options?: CallOptions): Promise<StateSetResult> {
        checkOptions('states.set', options, ['signal']);
        return this.#calls.exec('state.set', { run: this.#run, name, value }, options);
    }

    /** Writes a cell if it still is what is expected; Conflict if not. */
    async cas(name: string, value: Value, options: CallOptions & StateExpected): Promise<StateSetResult> {
        checkOptions('states.cas', options, ['expectedCounter', 'expectedVersion', 'expectedValue', 'signal']);
        const args = {
            run: this.#run,
            name,
            value,
            expected_counter: options.expectedCounter,
            expected_version: options.expectedVersion,
            expected_value: options.expectedValue,
        };
        return this.#calls.exec('state.cas', args, options);
    }

    /** Deletes a cell; its history stays. Resolves to whether there was one. */
    async delete(name: string, options?: CallOptions): Promise<boolean> {
        checkOptions('states.delete', options, ['signal']);
        return (await this.#calls.exec('state.delete', { run: this.#run, name }, options)).existed;
    }

    /**
     * Reads a cell, makes of its value (undefined: there is no cell) what it becomes, and writes that if
     * nobody else has written meanwhile; else does it all again. So the function should only depend on
     * what it is given. In a transaction the conflict shows at the commit. Resolves to the counter and
     * version.
     */
    async transition(
        name: string,
        next: (value: StoredValue | undefined) => Value | PromiseLike<Value>,
        options: TransitionOptions = {},
    ): Promise<StateSetResult> {
        checkOptions('states.transition', options, ['retries', 'signal']);
        const { retries, signal } = options;
        return again(retries, signal, async () => {
            const cell = await this.read(name, { signal }).catch(async (error: unknown) => {
                if (!(error instanceof NotFound)) {
                    throw error;
                }
                // A run that does not exist is no missing cell, and this says so.
                await this.list({ limit: 1, signal }).next();
                return undefined;
            });
            const value = await next(cell?.value);
            // Cells that were made anew count anew, versions never repeat; but what the transaction itself
            // has written has none yet.
            const expected = cell?.version === 0n ? undefined : (cell?.version ?? 0n);
            return this.cas(name, value, {
                expectedCounter: cell?.counter ?? 0,
                expectedVersion: expected,
                signal,
            });
        });
    }

    /** Cells in order of name, read page by page. */
    list(options: StateListOptions = {}): AsyncGenerator<Cell, void, undefined> {
        checkOptions('states.list', options, ['prefix', 'reverse', ...asOfNames, 'limit', 'signal']);
        const { prefix, reverse } = options;
        return pages<Cell, string>(options, async (limit, cursor) => {
            const args = { run: this.#run, prefix, reverse, ...asOfArgs(options), limit, cursor };
            const page = await this.#calls.exec('state.list', args, options);
            return { items: page.cells, cursor: page.cursor };
        });
    }

    /** The versions of a cell, newest first. */
    history(
        name: string,
        options: PageOptions & { before?: bigint | number | undefined } = {},
    ): AsyncGenerator<CellRevision, void, undefined> {
        checkOptions('states.history', options, ['before', 'limit', 'signal']);
        return pages<CellRevision, bigint | number>(options, async (limit, cursor) => {
            const before = cursor ?? options.before;
            const page = await this.#calls.exec('state.history', { run: this.#run, name, before, limit }, options);
            return { items: page.revisions, cursor: page.next };
        });
    }
}
