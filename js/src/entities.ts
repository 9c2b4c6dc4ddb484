import { type Calls, checkOptions, type PageOptions, pages } from './caller.js';
import type { Entity, EntityRevision, EntityUpsertResult, EntityVacuumResult } from './generated/operations.js';
import { type AsOf, asOfArgs, asOfNames, type CallOptions } from './options.js';
import type { ObjectValue } from './values.js';

export interface EntityOptions extends CallOptions {
    /** A URI that identifies the entity. */
    uri?: string | undefined;
    /** Its id, whatever would be made. */
    id?: string | undefined;
}

export interface EntityListOptions extends PageOptions, AsOf {
    /** Only ids that begin so. */
    prefix?: string | undefined;
    /** Those that were deleted, and no others. */
    deleted?: boolean | undefined;
    reverse?: boolean | undefined;
}

export interface EntityFindOptions extends PageOptions, AsOf {
    /** {path, eq | ne | lt | lte | gt | gte | in | contains | exists}, {and: [...]}, {or: [...]}, {not: ...}. */
    where?: ObjectValue | undefined;
    /** A path; by id when left out. */
    orderBy?: string | undefined;
    reverse?: boolean | undefined;
    prefix?: string | undefined;
}

/** The entities of one run: JSON documents that fit a schema, each with an id. */
export class Entities {
    readonly #calls: Calls;
    readonly #run: string | undefined;

    constructor(calls: Calls, run: string | undefined) {
        this.#calls = calls;
        this.#run = run;
    }

    /**
     * Stores an entity, or replaces it. Its id is made from the uri, else the schema's key field, else the
     * members key or name of the document: the same entity gets the same id, everywhere. Constraint with
     * details {reason: 'schema_mismatch', path, keyword} when it does not fit.
     */
    async upsert(schema: string, document: ObjectValue, options: EntityOptions = {}): Promise<EntityUpsertResult> {
        checkOptions('entities.upsert', options, ['uri', 'id', 'signal']);
        const args = { run: this.#run, schema, document, uri: options.uri, id: options.id };
        return this.#calls.exec('entity.upsert', args, options);
    }

    /** The id that an upsert would give; undefined when it would be one of time and chance. */
    async id(
        schema: string,
        document: ObjectValue,
        options: CallOptions & { uri?: string | undefined } = {},
    ): Promise<string | undefined> {
        checkOptions('entities.id', options, ['uri', 'signal']);
        return (await this.#calls.exec('entity.id', { run: this.#run, schema, document, uri: options.uri }, options)).id;
    }

    /** An entity; NotFound when there is none, or it was deleted and {deleted: true} is not given. */
    async get(
        schema: string,
        id: string,
        options?: CallOptions & AsOf & { deleted?: boolean | undefined },
    ): Promise<Entity> {
        checkOptions('entities.get', options, ['deleted', ...asOfNames, 'signal']);
        const args = { run: this.#run, schema, id, deleted: options?.deleted, ...asOfArgs(options) };
        return (await this.#calls.exec('entity.get', args, options)).entity;
    }

    /** Whether there is such an entity, not deleted. */
    async exists(schema: string, id: string, options?: CallOptions & AsOf): Promise<boolean> {
        checkOptions('entities.exists', options, [...asOfNames, 'signal']);
        const args = { run: this.#run, schema, id, ...asOfArgs(options) };
        return (await this.#calls.exec('entity.exists', args, options)).exists;
    }

    /** Merges a patch into an entity (RFC 7396): null removes. Resolves to the version. */
    async merge(schema: string, id: string, patch: ObjectValue, options?: CallOptions): Promise<bigint> {
        checkOptions('entities.merge', options, ['signal']);
        return (await this.#calls.exec('entity.merge', { run: this.#run, schema, id, patch }, options)).version;
    }

    /** Deletes an entity so that it can be restored; resolves to whether there was one. */
    async delete(schema: string, id: string, options?: CallOptions): Promise<boolean> {
        checkOptions('entities.delete', options, ['signal']);
        return (await this.#calls.exec('entity.delete', { run: this.#run, schema, id }, options)).existed;
    }

    /** Brings a deleted entity back as it was; resolves to whether it was deleted. */
    async restore(schema: string, id: string, options?: CallOptions): Promise<boolean> {
        checkOptions('entities.restore', options, ['signal']);
        return (await this.#calls.exec('entity.restore', { run: this.#run, schema, id }, options)).restored;
    }

    /** Takes a deleted entity away for good, with {force: true} any; resolves to whether there was one. */
    async purge(
        schema: string,
        id: string,
        options?: CallOptions & { force?: boolean | undefined },
    ): Promise<boolean> {
        checkOptions('entities.purge', options, ['force', 'signal']);
        const args = { run: this.#run, schema, id, force: options?.force };
        return (await this.#calls.exec('entity.purge', args, options)).existed;
    }

    /** Purges what was deleted, of one schema or of all. Not inside a transaction. */
    async vacuum(
        options: CallOptions & {
            schema?: string | undefined;
            olderThanMs?: number | undefined;
            dryRun?: boolean | undefined;
        } = {},
    ): Promise<EntityVacuumResult> {
        checkOptions('entities.vacuum', options, ['schema', 'olderThanMs', 'dryRun', 'signal']);
        const { schema, olderThanMs, dryRun } = options;
        const args = { run: this.#run, schema, older_than_ms: olderThanMs, dry_run: dryRun };
        return this.#calls.exec('entity.vacuum', args, options);
    }

    /** Entities of a schema in order of id, read page by page. */
    list(schema: string, options: EntityListOptions = {}): AsyncGenerator<Entity, void, undefined> {
        checkOptions('entities.list', options, ['prefix', 'deleted', 'reverse', ...asOfNames, 'limit', 'signal']);
        const { prefix, deleted, reverse } = options;
        return pages<Entity, string>(options, async (limit, cursor) => {
            const args = { run: this.#run, schema, prefix, deleted, reverse, ...asOfArgs(options), limit, cursor };
            const page = await this.#calls.exec('entity.list', args, options);
            return { items: page.entities, cursor: page.cursor };
        });
    }

    /** Entities that a filter holds of, in order of id or of a field; indexes are used by themselves. */
    find(schema: string, options: EntityFindOptions = {}): AsyncGenerator<Entity, void, undefined> {
        checkOptions('entities.find', options, ['where', 'orderBy', 'reverse', 'prefix', ...asOfNames, 'limit', 'signal']);
        const { where, orderBy, reverse, prefix } = options;
        return pages<Entity, string>(options, async (limit, cursor) => {
            const asked = { where, order_by: orderBy, reverse, prefix };
            const args = { run: this.#run, schema, ...asked, ...asOfArgs(options), limit, cursor };
            const page = await this.#calls.exec('entity.find', args, options);
            return { items: page.entities, cursor: page.cursor };
        });
    }

    /** How many entities of a schema there are, or with {deleted: true} were deleted. */
    async count(
        schema: string,
        options?: CallOptions & AsOf & { prefix?: string | undefined; deleted?: boolean | undefined },
    ): Promise<number> {
        checkOptions('entities.count', options, ['prefix', 'deleted', ...asOfNames, 'signal']);
        const { prefix, deleted } = options ?? {};
        const args = { run: this.#run, schema, prefix, deleted, ...asOfArgs(options) };
        return (await this.#calls.exec('entity.count', args, options)).count;
    }

    /** The versions of an entity, newest first. */
    history(
        schema: string,
        id: string,
        options: PageOptions & { before?: bigint | number | undefined; documents?: boolean | undefined } = {},
    ): AsyncGenerator<EntityRevision, void, undefined> {
        checkOptions('entities.history', options, ['before', 'documents', 'limit', 'signal']);
        const { before, documents } = options;
        return pages<EntityRevision, bigint | number>(options, async (limit, cursor) => {
            const args = { run: this.#run, schema, id, before: cursor ?? before, documents, limit };
            const { revisions } = await this.#calls.exec('entity.history', args, options);
            return { items: revisions, cursor: revisions.length < limit ? undefined : revisions.at(-1)?.version };
        });
    }
}
