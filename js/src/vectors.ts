import { type Calls, checkOptions, type PageOptions, pages } from './caller.js';
import type {
    Collection as CollectionRecord,
    VectorExplain,
    VectorInfoResult,
    VectorRevision,
    VectorStats,
} from './generated/operations.js';
import { type AsOf, asOfArgs, asOfNames, type CallOptions } from './options.js';
import type { ObjectValue, Value } from './values.js';

/** Numbers of an embedding: 32-bit floats. */
export type Embedding = Float32Array | readonly number[];

export interface CollectionOptions extends CallOptions {
    /** cosine when left out. */
    metric?: 'cosine' | 'euclidean' | 'dot' | undefined;
    /** How the index codes embeddings; auto when left out. */
    codes?: 'auto' | 'f32' | 'i8' | 'b1' | undefined;
    /** The seed of the index. */
    seed?: number | bigint | undefined;
}

export interface VectorPutOptions extends CallOptions {
    /** Anything; filters ask it. */
    metadata?: ObjectValue | undefined;
    /** What it is the embedding of. */
    text?: string | undefined;
}

/** An entry to store. */
export interface VectorEntry {
    key: string;
    embedding: Embedding;
    metadata?: ObjectValue | undefined;
    text?: string | undefined;
}

/** An entry of a collection. */
export interface StoredVector {
    key: string;
    /** Present unless it was left out. */
    embedding?: Float32Array | undefined;
    metadata?: ObjectValue | undefined;
    text?: string | undefined;
    version: bigint;
    timestamp: number;
}

export interface VectorListOptions extends PageOptions, AsOf {
    /** Only keys that begin so. */
    prefix?: string | undefined;
    /** The numbers, too. */
    embeddings?: boolean | undefined;
    reverse?: boolean | undefined;
}

export interface VectorSearchOptions extends CallOptions, AsOf {
    /** Hits wanted; 10 when left out. */
    k?: number | undefined;
    /** Of {key, text?, metadata?}: {path: '/metadata/kind', eq: 'note'}, and, or, not. */
    filter?: ObjectValue | undefined;
    /** Compare with all, so that nothing is missed. */
    exact?: boolean | undefined;
    /** Candidates of a walk; 64 when left out. */
    effort?: number | undefined;
    /** Metadata and texts; true when left out. */
    metadata?: boolean | undefined;
    embeddings?: boolean | undefined;
    explain?: boolean | undefined;
}

export interface FoundVector {
    key: string;
    /** Higher is better. */
    score: number;
    version: bigint;
    metadata?: ObjectValue | undefined;
    text?: string | undefined;
    embedding?: Float32Array | undefined;
    explain?: VectorExplain | undefined;
}

export interface VectorSearched {
    hits: FoundVector[];
    stats: VectorStats;
}

/* Bytes on every host are little-endian. */
function packed(embedding: Embedding): Uint8Array {
    const view = new DataView(new ArrayBuffer(embedding.length * 4));
    embedding.forEach((number, i) => view.setFloat32(i * 4, number, true));
    return new Uint8Array(view.buffer);
}

function numbers<Item extends { embedding?: Value | undefined }>(
    item: Item,
): Omit<Item, 'embedding'> & { embedding?: Float32Array } {
    const { embedding, ...others } = item;
    return embedding === undefined ? others : { ...others, embedding: Float32Array.from(embedding as number[]) };
}

/** One collection of a run: embeddings with a key, and the nearest of them. */
export class Collection {
    readonly name: string;
    readonly #calls: Calls;
    readonly #run: string | undefined;

    constructor(calls: Calls, run: string | undefined, name: string) {
        this.#calls = calls;
        this.#run = run;
        this.name = name;
    }

    /** Stores an embedding under a key, or replaces what is there; resolves to the version. */
    async upsert(key: string, embedding: Embedding, options: VectorPutOptions = {}): Promise<bigint> {
        checkOptions('collection.upsert', options, ['metadata', 'text', 'signal']);
        const { metadata, text } = options;
        const args = { run: this.#run, collection: this.name, key, embedding: packed(embedding), metadata, text };
        return (await this.#calls.exec('vector.upsert', args, options)).version;
    }

    /** Stores up to 10 000 entries in one commit, or none; resolves to the version. */
    async upsertMany(entries: readonly VectorEntry[], options?: CallOptions): Promise<bigint> {
        checkOptions('collection.upsertMany', options, ['signal']);
        const sent = entries.map(({ key, embedding, metadata, text }) => ({
            key,
            embedding: packed(embedding),
            ...(metadata === undefined ? {} : { metadata }),
            ...(text === undefined ? {} : { text }),
        }));
        const args = { run: this.#run, collection: this.name, entries: sent };
        return (await this.#calls.exec('vector.upsert_many', args, options)).version;
    }

    /** An entry; NotFound when there is none. */
    async get(
        key: string,
        options?: CallOptions & AsOf & { embedding?: boolean | undefined },
    ): Promise<StoredVector> {
        checkOptions('collection.get', options, ['embedding', ...asOfNames, 'signal']);
        const { embedding } = options ?? {};
        const args = { run: this.#run, collection: this.name, key, embedding, ...asOfArgs(options) };
        return numbers((await this.#calls.exec('vector.get', args, options)).vector);
    }

    async exists(key: string, options?: CallOptions & AsOf): Promise<boolean> {
        checkOptions('collection.exists', options, [...asOfNames, 'signal']);
        const args = { run: this.#run, collection: this.name, key, ...asOfArgs(options) };
        return (await this.#calls.exec('vector.exists', args, options)).exists;
    }

    /** Deletes an entry; resolves to whether there was one. */
    async delete(key: string, options?: CallOptions): Promise<boolean> {
        checkOptions('collection.delete', options, ['signal']);
        const args = { run: this.#run, collection: this.name, key };
        return (await this.#calls.exec('vector.delete', args, options)).existed;
    }

    /** Entries in order of key, read page by page. */
    list(options: VectorListOptions = {}): AsyncGenerator<StoredVector, void, undefined> {
        checkOptions('collection.list', options, ['prefix', 'embeddings', 'reverse', ...asOfNames, 'limit', 'signal']);
        const { prefix, embeddings, reverse } = options;
        return pages<StoredVector, string>(options, async (limit, cursor) => {
            const asked = { prefix, embeddings, reverse, ...asOfArgs(options), limit, cursor };
            const args = { run: this.#run, collection: this.name, ...asked };
            const page = await this.#calls.exec('vector.list', args, options);
            return { items: page.vectors.map(numbers), cursor: page.cursor };
        });
    }

    async count(options?: CallOptions & AsOf & { prefix?: string | undefined }): Promise<number> {
        checkOptions('collection.count', options, ['prefix', ...asOfNames, 'signal']);
        const args = { run: this.#run, collection: this.name, prefix: options?.prefix, ...asOfArgs(options) };
        return (await this.#calls.exec('vector.count', args, options)).count;
    }

    /** The versions of an entry, newest first; with {embeddings: true} an array of numbers each. */
    history(
        key: string,
        options: PageOptions & { before?: bigint | number | undefined; embeddings?: boolean | undefined } = {},
    ): AsyncGenerator<VectorRevision, void, undefined> {
        checkOptions('collection.history', options, ['before', 'embeddings', 'limit', 'signal']);
        const { before, embeddings } = options;
        return pages<VectorRevision, bigint | number>(options, async (limit, cursor) => {
            const asked = { before: cursor ?? before, embeddings, limit };
            const args = { run: this.#run, collection: this.name, key, ...asked };
            const { revisions } = await this.#calls.exec('vector.history', args, options);
            return { items: revisions, cursor: revisions.length < limit ? undefined : revisions.at(-1)?.version };
        });
    }

    /** The entries nearest to an embedding, best first, as a reader at that moment sees them. */
    async search(embedding: Embedding, options: VectorSearchOptions = {}): Promise<VectorSearched> {
        const names = ['k', 'filter', 'exact', 'effort', 'metadata', 'embeddings', 'explain'];
        checkOptions('collection.search', options, [...names, ...asOfNames, 'signal']);
        const { k, filter, exact, effort, metadata, embeddings, explain } = options;
        const asked = { k, filter, exact, effort, metadata, embeddings, explain, ...asOfArgs(options) };
        const args = { run: this.#run, collection: this.name, embedding: packed(embedding), ...asked };
        const { hits, stats } = await this.#calls.exec('vector.search', args, options);
        return { hits: hits.map(numbers), stats };
    }

    /** The collection, how many entries it has, and its index. */
    async info(options?: CallOptions & AsOf): Promise<VectorInfoResult> {
        checkOptions('collection.info', options, [...asOfNames, 'signal']);
        return this.#calls.exec('vector.info', { run: this.#run, name: this.name, ...asOfArgs(options) }, options);
    }
}

/** The collections of one run. They are created and dropped outside of transactions only. */
export class Vectors {
    readonly #calls: Calls;
    readonly #run: string | undefined;

    constructor(calls: Calls, run: string | undefined) {
        this.#calls = calls;
        this.#run = run;
    }

    /** The collection of that name, whether there is one or not. */
    collection(name: string): Collection {
        return new Collection(this.#calls, this.#run, name);
    }

    /** Makes a collection of embeddings of so many numbers; AlreadyExists when there is one. */
    async create(name: string, dimension: number, options: CollectionOptions = {}): Promise<Collection> {
        checkOptions('vectors.create', options, ['metric', 'codes', 'seed', 'signal']);
        const { metric, codes, seed } = options;
        await this.#calls.exec('vector.create', { run: this.#run, name, dimension, metric, codes, seed }, options);
        return this.collection(name);
    }

    /** Drops a collection with all of its entries; resolves to whether there was one. */
    async drop(name: string, options?: CallOptions): Promise<boolean> {
        checkOptions('vectors.drop', options, ['signal']);
        return (await this.#calls.exec('vector.drop', { run: this.#run, name }, options)).existed;
    }

    /** Collections in order of name. */
    list(
        options: PageOptions & AsOf & { prefix?: string | undefined; reverse?: boolean | undefined } = {},
    ): AsyncGenerator<CollectionRecord, void, undefined> {
        checkOptions('vectors.list', options, ['prefix', 'reverse', ...asOfNames, 'limit', 'signal']);
        const { prefix, reverse } = options;
        return pages<CollectionRecord, string>(options, async (limit, cursor) => {
            const args = { run: this.#run, prefix, reverse, ...asOfArgs(options), limit, cursor };
            const page = await this.#calls.exec('vector.collections', args, options);
            return { items: page.collections, cursor: page.cursor };
        });
    }
}
