import { type Calls, checkOptions, type PageOptions, pages } from './caller.js';
import { NotFound } from './generated/errors.js';
import type { Entry, Revision } from './generated/operations.js';
import { type AsOf, asOfArgs, asOfNames, type CallOptions } from './options.js';
import type { StoredValue, Value } from './values.js';

export interface ExpiryOptions extends CallOptions {
    /** It ends after so many milliseconds; when left out it stays. */
    ttlMs?: number | undefined;
}

/** One value for putMany. */
export interface NewEntry {
    key: string;
    value: Value;
    ttlMs?: number | undefined;
}

export interface KvListOptions extends PageOptions, AsOf {
    prefix?: string | undefined;
    /** From this key on, inclusive. */
    start?: string | undefined;
    /** Before this key, exclusive. */
    end?: string | undefined;
    reverse?: boolean | undefined;
}

/** Keys and values of one run. */
export class Kv {
    readonly #calls: Calls;
    readonly #run: string | undefined;

    constructor(calls: Calls, run: string | undefined) {
        this.#calls = calls;
        this.#run = run;
    }

    /** Stores a value; resolves to the version. */
    async put(key: string, value: Value, options?: ExpiryOptions): Promise<bigint> {
        checkOptions('kv.put', options, ['ttlMs', 'signal']);
        const args = { run: this.#run, key, value, ttl_ms: options?.ttlMs };
        return (await this.#calls.exec('kv.put', args, options)).version;
    }

    /**
     * The value of a key. A key without a value is an error (NotFound), since null is a value; with
     * {default: x} it is x.
     */
    async get<Default = never>(
        key: string,
        options?: CallOptions & AsOf & { default?: Default },
    ): Promise<StoredValue | Default> {
        checkOptions('kv.get', options, [...asOfNames, 'default', 'signal']);
        try {
            const args = { run: this.#run, key, ...asOfArgs(options) };
            return (await this.#calls.exec('kv.get', args, options)).value;
        } catch (error) {
            if (!(options && 'default' in options && error instanceof NotFound)) {
                throw error;
            }
            // A run that does not exist is no missing key, and this says so.
            await this.exists(key, { signal: options.signal });
            return options.default as Default;
        }
    }

    /** The value with its version and timestamp; NotFound when there is none. */
    async entry(key: string, options?: CallOptions & AsOf): Promise<Entry> {
        checkOptions('kv.entry', options, [...asOfNames, 'signal']);
        const found = await this.#calls.exec('kv.get', { run: this.#run, key, ...asOfArgs(options) }, options);
        return { key, ...found };
    }

    /** Deletes a key; its history stays. Resolves to whether it had a value. */
    async delete(key: string, options?: CallOptions): Promise<boolean> {
        checkOptions('kv.delete', options, ['signal']);
        return (await this.#calls.exec('kv.delete', { run: this.#run, key }, options)).existed;
    }

    async exists(key: string, options?: CallOptions & AsOf): Promise<boolean> {
        checkOptions('kv.exists', options, [...asOfNames, 'signal']);
        const args = { run: this.#run, key, ...asOfArgs(options) };
        return (await this.#calls.exec('kv.exists', args, options)).exists;
    }

    /** The entries of those of 1-1000 keys that have a value, by key, all of one moment. */
    async getMany(keys: readonly string[], options?: CallOptions & AsOf): Promise<Map<string, Entry>> {
        checkOptions('kv.getMany', options, [...asOfNames, 'signal']);
        const args = { run: this.#run, keys, ...asOfArgs(options) };
        const { entries } = await this.#calls.exec('kv.get_many', args, options);
        return new Map(entries.map((entry) => [entry.key, entry]));
    }

    /** Stores 1-1000 values in one commit, or none; resolves to the version. */
    async putMany(entries: readonly NewEntry[], options?: CallOptions): Promise<bigint> {
        checkOptions('kv.putMany', options, ['signal']);
        const named = entries.map(({ ttlMs, ...entry }) => ({ ...entry, ttl_ms: ttlMs }));
        return (await this.#calls.exec('kv.put_many', { run: this.#run, entries: named }, options)).version;
    }

    /** Deletes 1-1000 keys in one commit, or none. Resolves to whether each had a value. */
    async deleteMany(keys: readonly string[], options?: CallOptions): Promise<boolean[]> {
        checkOptions('kv.deleteMany', options, ['signal']);
        return (await this.#calls.exec('kv.delete_many', { run: this.#run, keys }, options)).existed;
    }

    /** Keys and values in order of key, read page by page. */
    list(options: KvListOptions = {}): AsyncGenerator<Entry, void, undefined> {
        checkOptions('kv.list', options, ['prefix', 'start', 'end', 'reverse', ...asOfNames, 'limit', 'signal']);
        const { prefix, start, end, reverse } = options;
        return pages<Entry, string>(options, async (limit, cursor) => {
            const args = { run: this.#run, prefix, start, end, reverse, ...asOfArgs(options), limit, cursor };
            const page = await this.#calls.exec('kv.list', args, options);
            return { items: page.entries, cursor: page.cursor };
        });
    }

    /** How many keys have a value. */
    async count(options?: CallOptions & AsOf & { prefix?: string | undefined }): Promise<number> {
        checkOptions('kv.count', options, ['prefix', ...asOfNames, 'signal']);
        const args = { run: this.#run, prefix: options?.prefix, ...asOfArgs(options) };
        return (await this.#calls.exec('kv.count', args, options)).count;
    }

    /** The versions of a key, newest first. */
    history(
        key: string,
        options: PageOptions & { before?: bigint | number | undefined } = {},
    ): AsyncGenerator<Revision, void, undefined> {
        checkOptions('kv.history', options, ['before', 'limit', 'signal']);
        return pages<Revision, bigint | number>(options, async (limit, cursor) => {
            const before = cursor ?? options.before;
            const args = { run: this.#run, key, before, limit };
            const page = await this.#calls.exec('kv.history', args, options);
            return { items: page.revisions, cursor: page.next };
        });
    }

    /** Adds to an int (a missing key counts as 0); resolves to the sum. */
    async incr(key: string, by: number | bigint = 1, options?: CallOptions): Promise<number | bigint> {
        checkOptions('kv.incr', options, ['signal']);
        return (await this.#calls.exec('kv.incr', { run: this.#run, key, by }, options)).value;
    }

    /**
     * Stores a value if the key still has the expected version (0: no value) or value; Conflict if it
     * has not. Resolves to the version.
     */
    async cas(
        key: string,
        value: Value,
        options: ExpiryOptions & { expectedVersion?: bigint | number | undefined; expectedValue?: Value | undefined },
    ): Promise<bigint> {
        checkOptions('kv.cas', options, ['expectedVersion', 'expectedValue', 'ttlMs', 'signal']);
        const { expectedVersion, expectedValue, ttlMs } = options;
        const args = {
            run: this.#run,
            key,
            value,
            expected_version: expectedVersion,
            expected_value: expectedValue,
            ttl_ms: ttlMs,
        };
        return (await this.#calls.exec('kv.cas', args, options)).version;
    }
}
