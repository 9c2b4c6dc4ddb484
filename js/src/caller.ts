/* From a typed call to bytes and back. A carrier takes the bytes to an engine: in this thread
 * (local.ts) or in a worker (remote.ts). */
import { faultOfWire } from './fault.js';
import { Closed, InvalidArgument } from './generated/errors.js';
import type { OperationName, Operations } from './generated/operations.js';
import { resultFields, type SpecialFields, shapeFields, writes } from './generated/tables.js';
import { decode, Encoder } from './msgpack.js';
import { type CallOptions, checkOptions } from './options.js';

export interface Answer {
    response: Uint8Array;
    /** What the host threw below an error in the response, to be its cause. */
    failure?: unknown;
}

export interface Carrier {
    /** Answers come in the order of the requests. */
    exec(request: Uint8Array<ArrayBuffer>, write: boolean): Answer | Promise<Answer>;
    close(): void | Promise<void>;
}

/** Who takes calls: the database, or a transaction. */
export interface Calls {
    exec<Name extends OperationName>(
        op: Name,
        args: Operations[Name]['args'],
        options?: CallOptions,
    ): Promise<Operations[Name]['result']>;
    /**
     * Calls back after each write that may have brought events or ended a run, and when the database is
     * closed, until the function that it gives is called. A transaction has none.
     */
    watch?(changed: () => void): () => void;
}

/* Operations after which a log of events may have more, or never will. */
const MOVES: ReadonlySet<OperationName> = new Set<OperationName>([
    'event.append', 'txn.commit', 'run.end', 'run.complete', 'run.fail', 'run.cancel', 'run.archive',
]);

export class Caller implements Calls {
    readonly #carrier: Carrier;
    readonly #encoder = new Encoder();
    readonly #watchers = new Set<() => void>();
    #closing: Promise<void> | undefined;

    constructor(carrier: Carrier) {
        this.#carrier = carrier;
    }

    async exec<Name extends OperationName>(
        op: Name,
        args: Operations[Name]['args'],
        options?: CallOptions,
    ): Promise<Operations[Name]['result']> {
        if (options?.signal !== undefined) {
            options.signal.throwIfAborted();
        }
        if (this.#closing) {
            throw new Closed(`${op}: the database is closed`);
        }
        const answer = await this.#carrier.exec(this.#encoder.encode([op, args]), writes.has(op));
        const [ok, body] = decode(answer.response) as [boolean, unknown];
        if (!ok) {
            throw faultOfWire(body, answer.failure);
        }
        if (MOVES.has(op)) {
            this.#tellWatchers();
        }
        const special = resultFields[op];
        if (special) {
            treat(body as Record<string, unknown>, special);
        }
        return body as Operations[Name]['result'];
    }

    watch(changed: () => void): () => void {
        this.#watchers.add(changed);
        return () => this.#watchers.delete(changed);
    }

    #tellWatchers(): void {
        for (const changed of this.#watchers) {
            changed();
        }
    }

    /** Closing twice is fine and waits for the same end. */
    close(): Promise<void> {
        this.#closing ??= (async () => this.#carrier.close())();
        this.#tellWatchers();
        return this.#closing;
    }
}

/** Makes bigints of the versions in a decoded result, in place. */
function treat(object: Record<string, unknown>, special: SpecialFields): void {
    for (const name in special) {
        const kind = special[name] as string;
        const value = object[name];
        if (value === undefined || value === null) {
            continue;
        }
        if (kind === 'version') {
            object[name] = BigInt(value as number);
        } else {
            const shape = shapeFields[kind] as SpecialFields;
            for (const item of Array.isArray(value) ? value : [value]) {
                treat(item as Record<string, unknown>, shape);
            }
        }
    }
}

/* ---- What the parts of the API share ---------------------------------------------------------- */

export interface PageOptions extends CallOptions {
    /** Stop after so many, over all pages. */
    limit?: number | undefined;
}

const PAGE = 256;

/**
 * Iterates over all pages. `read` reads one page of at most `limit` from `cursor` on and says where the
 * next one begins. Each page is a read of its own: what is written meanwhile may be seen, unless the
 * call is as of a version.
 */
export async function* pages<Item, Cursor>(
    options: PageOptions,
    read: (limit: number, cursor: Cursor | undefined) => Promise<{ items: Item[]; cursor: Cursor | undefined }>,
): AsyncGenerator<Item, void, undefined> {
    if (options.limit !== undefined && !(Number.isInteger(options.limit) && options.limit >= 0)) {
        throw new InvalidArgument(`limit must be a whole number, not ${String(options.limit)}`);
    }
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    let cursor: Cursor | undefined;
    while (left > 0) {
        const page: { items: Item[]; cursor: Cursor | undefined } = await read(Math.min(left, PAGE), cursor);
        yield* page.items;
        left -= page.items.length;
        cursor = page.cursor;
        if (cursor === undefined) {
            return;
        }
    }
}

type CamelCase<Name> = Name extends `${infer First}_${infer Rest}` ? `${First}${Capitalize<CamelCase<Rest>>}` : Name;
/** The fields of a result with the names that JavaScript would give them. */
export type Camel<Fields> = { [Name in keyof Fields as CamelCase<Name>]: Fields[Name] };

export function camel<Fields extends object>(fields: Fields): Camel<Fields> {
    return Object.fromEntries(
        Object.entries(fields).map(([name, value]) => [
            name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
            value,
        ]),
    ) as Camel<Fields>;
}

export { checkOptions };
