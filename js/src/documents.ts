import { type Calls, checkOptions, type PageOptions, pages } from './caller.js';
import { type FindOptions, findArgs, findNames } from './find.js';
import { NotFound } from './generated/errors.js';
import type { Document, DocumentRevision, PatchOperation, Plan } from './generated/operations.js';
import { type AsOf, asOfArgs, asOfNames, type CallOptions } from './options.js';
import type { ObjectValue, StoredValue, Value } from './values.js';

export interface DocumentListOptions extends PageOptions, AsOf {
    prefix?: string | undefined;
    /** From this key on, inclusive. */
    start?: string | undefined;
    /** Before this key, exclusive. */
    end?: string | undefined;
    reverse?: boolean | undefined;
    /** Whether to give the documents themselves, too. */
    documents?: boolean | undefined;
}

/**
 * JSON documents of one run. Parts are read and changed by path: a JSON Pointer ('/days/0/plan', '/days/-'
 * to append) or the dotted form ('$.days[0].plan'); '' is the whole document. Two transactions conflict
 * over a document only if the path of one is above that of the other, or the same.
 */
export class Documents {
    readonly #calls: Calls;
    readonly #run: string | undefined;

    constructor(calls: Calls, run: string | undefined) {
        this.#calls = calls;
        this.#run = run;
    }

    /** Stores a new document; resolves to the version. A string is JSON text. */
    async create(key: string, document: ObjectValue | string, options?: CallOptions): Promise<bigint> {
        checkOptions('json.create', options, ['signal']);
        const given = typeof document === 'string' ? { text: document } : { document };
        return (await this.#calls.exec('json.create', { run: this.#run, key, ...given }, options)).version;
    }

    /**
     * The document, or what is at a path in it. Where nothing is, that is an error (NotFound), since null is a
     * value; with {default: x} it is x.
     */
    async get<Default = never>(
        key: string,
        path?: string,
        options?: CallOptions & AsOf & { default?: Default },
    ): Promise<StoredValue | Default> {
        checkOptions('json.get', options, [...asOfNames, 'default', 'signal']);
        try {
            const args = { run: this.#run, key, path, ...asOfArgs(options) };
            return (await this.#calls.exec('json.get', args, options)).value;
        } catch (error) {
            if (!(options && 'default' in options && error instanceof NotFound)) {
                throw error;
            }
            // A run that does not exist is no missing document, and this says so.
            await this.exists(key, path, { signal: options.signal });
            return options.default as Default;
        }
    }

    /** The document with its version and timestamp; NotFound when there is none. */
    async entry(
        key: string,
        options?: CallOptions & AsOf,
    ): Promise<{ key: string; document: StoredValue; version: bigint; timestamp: number }> {
        checkOptions('json.entry', options, [...asOfNames, 'signal']);
        const args = { run: this.#run, key, ...asOfArgs(options) };
        const { value, ...stamp } = await this.#calls.exec('json.get', args, options);
        return { key, document: value, ...stamp };
    }

    /** Whether there is such a document, or something at the path in it. */
    async exists(key: string, path?: string, options?: CallOptions & AsOf): Promise<boolean> {
        checkOptions('json.exists', options, [...asOfNames, 'signal']);
        const args = { run: this.#run, key, path, ...asOfArgs(options) };
        return (await this.#calls.exec('json.exists', args, options)).exists;
    }

    /** Sets what is at a path; objects that are missing on the way are made. Resolves to the version. */
    async set(key: string, path: string, value: Value, options?: CallOptions): Promise<bigint> {
        checkOptions('json.set', options, ['signal']);
        return (await this.#calls.exec('json.set', { run: this.#run, key, path, value }, options)).version;
    }

    /** The same if the document still has the expected version (0: there is none, and the path is ''). */
    async cas(
        key: string,
        path: string,
        value: Value,
        options: CallOptions & { expectedVersion: bigint | number },
    ): Promise<bigint> {
        checkOptions('json.cas', options, ['expectedVersion', 'signal']);
        const args = { run: this.#run, key, path, value, expected_version: options.expectedVersion };
        return (await this.#calls.exec('json.cas', args, options)).version;
    }

    /** Takes away what is at a path; resolves to whether there was something. */
    async delete(key: string, path: string, options?: CallOptions): Promise<boolean> {
        checkOptions('json.delete', options, ['signal']);
        return (await this.#calls.exec('json.delete', { run: this.#run, key, path }, options)).existed;
    }

    /** Takes a whole document away; its history stays. Resolves to whether there was one. */
    async destroy(key: string, options?: CallOptions): Promise<boolean> {
        checkOptions('json.destroy', options, ['signal']);
        return (await this.#calls.exec('json.destroy', { run: this.#run, key }, options)).existed;
    }

    /** Changes a document by a row of operations (RFC 6902), all or none; resolves to the version. */
    async patch(key: string, operations: readonly PatchOperation[], options?: CallOptions): Promise<bigint> {
        checkOptions('json.patch', options, ['signal']);
        return (await this.#calls.exec('json.patch', { run: this.#run, key, operations }, options)).version;
    }

    /** Merges a patch into a document (RFC 7396): null removes. Resolves to the version. */
    async merge(key: string, patch: ObjectValue, options?: CallOptions): Promise<bigint> {
        checkOptions('json.merge', options, ['signal']);
        return (await this.#calls.exec('json.merge', { run: this.#run, key, patch }, options)).version;
    }

    /** Documents in order of key, read page by page. */
    list(options: DocumentListOptions = {}): AsyncGenerator<Document, void, undefined> {
        const names = ['prefix', 'start', 'end', 'reverse', 'documents', ...asOfNames, 'limit', 'signal'] as const;
        checkOptions('json.list', options, names);
        const { prefix, start, end, reverse, documents } = options;
        return pages<Document, string>(options, async (limit, cursor) => {
            const args = { run: this.#run, prefix, start, end, reverse, documents, ...asOfArgs(options), limit, cursor };
            const page = await this.#calls.exec('json.list', args, options);
            return { items: page.documents, cursor: page.cursor };
        });
    }

    /**
     * Documents that a filter holds of, in order of key or of a field, read page by page. An index on a path of
     * the filter is used by itself.
     */
    find(options: FindOptions & { documents?: boolean | undefined } = {}): AsyncGenerator<Document, void, undefined> {
        checkOptions('json.find', options, [...findNames, 'documents']);
        return pages<Document, string>(options, async (limit, cursor) => {
            const args = { run: this.#run, ...findArgs(options), documents: options.documents, limit, cursor };
            const page = await this.#calls.exec('json.find', args, options);
            return { items: page.documents, cursor: page.cursor };
        });
    }

    /** How such a question is answered: by which index, and how much is looked at for the first page. */
    async explainFind(options: FindOptions = {}): Promise<Plan> {
        checkOptions('json.explainFind', options, findNames);
        const args = { run: this.#run, ...findArgs(options), explain: true, limit: options.limit };
        return (await this.#calls.exec('json.find', args, options)).plan as Plan;
    }

    /** How many documents there are. */
    async count(options?: CallOptions & AsOf & { prefix?: string | undefined }): Promise<number> {
        checkOptions('json.count', options, ['prefix', ...asOfNames, 'signal']);
        const args = { run: this.#run, prefix: options?.prefix, ...asOfArgs(options) };
        return (await this.#calls.exec('json.count', args, options)).count;
    }

    /** The versions of a document, newest first. */
    history(
        key: string,
        options: PageOptions & { before?: bigint | number | undefined; documents?: boolean | undefined } = {},
    ): AsyncGenerator<DocumentRevision, void, undefined> {
        checkOptions('json.history', options, ['before', 'documents', 'limit', 'signal']);
        return pages<DocumentRevision, bigint | number>(options, async (limit, cursor) => {
            const args = { run: this.#run, key, before: cursor ?? options.before, documents: options.documents, limit };
            const page = await this.#calls.exec('json.history', args, options);
            return { items: page.revisions, cursor: page.next };
        });
    }
}
