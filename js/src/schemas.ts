import { type Calls, type Camel, camel, checkOptions, type PageOptions, pages } from './caller.js';
import type { Mismatch, Schema, SchemaPutResult, SchemaRevision } from './generated/operations.js';
import { type AsOf, asOfArgs, asOfNames, type CallOptions } from './options.js';
import type { ObjectValue } from './values.js';

export interface SchemaOptions extends CallOptions {
    /** The path ('/a/b' or '$.a.b') of the string or int that identifies an entity. */
    keyField?: string | undefined;
    /** Paths to make indexes on; finding entities uses them by itself. */
    indexed?: readonly string[] | undefined;
    /** Paths whose text is to have an embedding: kept, and told back. */
    embedding?: readonly string[] | undefined;
    /** Paths that are to be encrypted: kept, and told back. */
    encrypted?: readonly string[] | undefined;
}

/** The schemas of one run: what its entities look like. They change outside of transactions only. */
export class Schemas {
    readonly #calls: Calls;
    readonly #run: string | undefined;

    constructor(calls: Calls, run: string | undefined) {
        this.#calls = calls;
        this.#run = run;
    }

    /**
     * Stores a JSON Schema, or a new version of it. What it cannot enforce is refused (InvalidArgument with
     * details {keyword, path}). Entities that are there are not looked at: see check.
     */
    async put(name: string, schema: ObjectValue, options: SchemaOptions = {}): Promise<SchemaPutResult> {
        checkOptions('schemas.put', options, ['keyField', 'indexed', 'embedding', 'encrypted', 'signal']);
        const { keyField, indexed, embedding, encrypted } = options;
        const args = { run: this.#run, name, schema, key_field: keyField, indexed, embedding, encrypted };
        return this.#calls.exec('schema.put', args, options);
    }

    /** A schema; NotFound when there is none. */
    async get(name: string, options?: CallOptions & AsOf): Promise<Camel<Schema>> {
        checkOptions('schemas.get', options, [...asOfNames, 'signal']);
        const args = { run: this.#run, name, ...asOfArgs(options) };
        return camel((await this.#calls.exec('schema.get', args, options)).schema);
    }

    /** Schemas in order of name, read page by page. */
    list(
        options: PageOptions & AsOf & { prefix?: string | undefined } = {},
    ): AsyncGenerator<Camel<Schema>, void, undefined> {
        checkOptions('schemas.list', options, ['prefix', ...asOfNames, 'limit', 'signal']);
        return pages<Camel<Schema>, string>(options, async (limit, cursor) => {
            const args = { run: this.#run, prefix: options.prefix, ...asOfArgs(options), limit, cursor };
            const page = await this.#calls.exec('schema.list', args, options);
            return { items: page.schemas.map((schema) => camel(schema)), cursor: page.cursor };
        });
    }

    /** Deletes a schema without entities; resolves to whether there was one. */
    async delete(name: string, options?: CallOptions): Promise<boolean> {
        checkOptions('schemas.delete', options, ['signal']);
        return (await this.#calls.exec('schema.delete', { run: this.#run, name }, options)).existed;
    }

    /** The versions of a schema, newest first. */
    history(
        name: string,
        options: PageOptions & { before?: bigint | number | undefined } = {},
    ): AsyncGenerator<SchemaRevision, void, undefined> {
        checkOptions('schemas.history', options, ['before', 'limit', 'signal']);
        return pages<SchemaRevision, bigint | number>(options, async (limit, cursor) => {
            const args = { run: this.#run, name, before: cursor ?? options.before, limit };
            const { revisions } = await this.#calls.exec('schema.history', args, options);
            return { items: revisions, cursor: revisions.length < limit ? undefined : revisions.at(-1)?.version };
        });
    }

    /** The entities that do not fit their schema as it is now, in order of id. */
    check(name: string, options: PageOptions = {}): AsyncGenerator<Mismatch, void, undefined> {
        checkOptions('schemas.check', options, ['limit', 'signal']);
        return pages<Mismatch, string>(options, async (limit, cursor) => {
            const page = await this.#calls.exec('schema.check', { run: this.#run, name, limit, cursor }, options);
            return { items: page.mismatches, cursor: page.cursor };
        });
    }
}
