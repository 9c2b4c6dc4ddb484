/* Options: a misspelt one is an error and never ignored. */
import { InvalidArgument } from './generated/errors.js';
import type { Listener } from './host.js';

/** What every call takes. */
export interface CallOptions {
    /**
     * Ends the call before it starts, and an iteration before its next page, with the signal's reason.
     * A call that has started is finished: a write is never left unknown.
     */
    signal?: AbortSignal | undefined;
}

/** A Date, or microseconds since the epoch. */
export type When = Date | bigint | number;

export function microseconds(when: When | undefined): bigint | number | undefined {
    return when instanceof Date ? when.getTime() * 1000 : when;
}

/** Where in history a read looks; by default it is now. */
export interface AsOf {
    /** As a reader of this commit number saw it. */
    asOf?: bigint | number | undefined;
    /** As a reader at this time saw it. */
    asOfTime?: When | undefined;
}

export const asOfNames = ['asOf', 'asOfTime'];

export function asOfArgs({ asOf, asOfTime }: AsOf = {}): { as_of: AsOf['asOf']; as_of_time: AsOf['asOf'] } {
    return { as_of: asOf, as_of_time: microseconds(asOfTime) };
}

/** An export (NAME.strata.zst), as db.export or `strata export` writes it. */
export type ImportSource = Blob | ArrayBuffer | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;

export type Durability = 'buffered' | 'strict' | 'memory';

export interface OpenOptions extends CallOptions {
    /**
     * buffered (default): synced every syncIntervalMs; a crash loses at most that.
     * strict: synced before a write is acknowledged. memory: nothing is kept.
     */
    durability?: Durability | undefined;
    /** Compression of a new database; an existing one keeps its own. */
    codec?: 'none' | 'zstd' | undefined;
    /** Take no lock and write nothing. */
    readOnly?: boolean | undefined;
    /** NotFound instead of a new database. */
    mustExist?: boolean | undefined;
    /** Build the text index at the first recall, not now. */
    lazyIndex?: boolean | undefined;
    /** The name of a snapshot: the database as it was then, read-only. */
    snapshot?: string | undefined;
    /**
     * Make the database of this export; AlreadyExists when there is one. Versions and times are those of
     * the original. In Node also the path of the file. A Blob, as from an <input type=file>, is read piece
     * by piece, a stream is kept in memory, or by the browser.
     */
    import?: ImportSource | string | undefined;
    syncIntervalMs?: number | undefined;
    walSegmentBytes?: number | undefined;
    valueBytesMax?: number | undefined;
    /** Bound of the memory for tables, what is not yet in one, and vectors, at least 1 MiB; 64 MiB when left out. */
    memoryBytes?: number | undefined;
    /** Told how far recovery and indexing are. */
    onProgress?: Listener['progress'];
    /** Told what the engine logs. */
    onLog?: Listener['log'];
    /** In a browser: ask it not to evict the data (default true). The answer is in db.persisted. */
    persist?: boolean | undefined;
}

/* Each option of open, and its name in the request if it goes to the engine. */
const openNames: Readonly<Record<keyof OpenOptions, string | null>> = {
    durability: 'durability',
    codec: 'codec',
    readOnly: 'read_only',
    mustExist: 'must_exist',
    lazyIndex: 'lazy_index',
    snapshot: 'snapshot',
    import: null,
    syncIntervalMs: 'sync_interval_ms',
    walSegmentBytes: 'wal_segment_bytes',
    valueBytesMax: 'value_bytes_max',
    memoryBytes: 'memory_bytes',
    onProgress: null,
    onLog: null,
    persist: null,
    signal: null,
};

/** Throws InvalidArgument for an option that `call` does not have. */
export function checkOptions(call: string, options: object | undefined, names: readonly string[]): void {
    if (options === undefined) {
        return;
    }
    if (typeof options !== 'object' || options === null || Array.isArray(options)) {
        throw new InvalidArgument(`${call}: the options must be an object`);
    }
    for (const name of Object.keys(options)) {
        if (!names.includes(name)) {
            const near = nearest(name, names);
            const hint = near ? `; did you mean ${near}?` : `; it has ${names.join(', ')}`;
            throw new InvalidArgument(`${call} has no option ${name}${hint}`, { option: name });
        }
    }
}

/** Checks the options of open. */
export function checkOpenOptions(options: OpenOptions): void {
    checkOptions('open', options, Object.keys(openNames));
    for (const name of ['onProgress', 'onLog'] as const) {
        if (options[name] !== undefined && typeof options[name] !== 'function') {
            throw new InvalidArgument(`open: ${name} must be a function`);
        }
    }
}

/** The export to be imported, as a Blob. */
export async function blobOf(source: OpenOptions['import']): Promise<Blob | undefined> {
    if (source === undefined || source instanceof Blob) {
        return source;
    }
    if (source instanceof ArrayBuffer || source instanceof Uint8Array || source instanceof ReadableStream) {
        return new Response(source).blob();
    }
    throw new InvalidArgument('open: import must be a Blob, an ArrayBuffer, a Uint8Array or a ReadableStream');
}

/** The request of strata_abi_open. The engine checks the values. source: the file to be imported. */
export function openRequest(path: string, options: OpenOptions, source?: string): Record<string, unknown> {
    const request: Record<string, unknown> = { path, import: source };
    for (const [name, wire] of Object.entries(openNames)) {
        if (wire !== null) {
            request[wire] = options[name as keyof OpenOptions];
        }
    }
    return request;
}

function nearest(name: string, names: readonly string[]): string | undefined {
    const plain = (text: string): string => text.toLowerCase().replaceAll('_', '');
    return names.find((known) => plain(known) === plain(name)) ?? names.find((known) => distance(known, name) <= 2);
}

/** Edit distance; names are short. */
function distance(a: string, b: string): number {
    let row = Array.from({ length: b.length + 1 }, (_, i) => i);
    for (let i = 1; i <= a.length; i++) {
        const next = [i];
        for (let j = 1; j <= b.length; j++) {
            const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
            next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
        }
        row = next;
    }
    return row[b.length] as number;
}
