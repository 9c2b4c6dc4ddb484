import { type Caller, type Camel, camel, checkOptions, type PageOptions, pages } from './caller.js';
import type { RetentionGetResult, RetentionRule } from './generated/operations.js';
import type { CallOptions } from './options.js';

/** What a rule is of; of the database when both are left out. The narrowest rule counts. */
export interface RetentionScope {
    run?: string | undefined;
    /** kv, state, json, memory, edge, schema or entity; event, trace and provenance are never trimmed. */
    primitive?: 'kv' | 'state' | 'json' | 'memory' | 'edge' | 'schema' | 'entity' | undefined;
}

export interface RetentionOptions extends RetentionScope, CallOptions {
    /** all; last: the newest versions of each key; for: what could be seen at any time since. */
    keep: 'all' | 'last' | 'for';
    /** For last: how many. */
    versions?: number | undefined;
    /** For for: how long. */
    durationMs?: number | undefined;
}

const scopeNames = ['run', 'primitive', 'signal'];

/** How much history is kept. Without a rule it is all of it. */
export class Retention {
    readonly #caller: Caller;

    constructor(caller: Caller) {
        this.#caller = caller;
    }

    /** Sets a rule; resolves to the version. What it does not keep goes when tables are merged. */
    async set(options: RetentionOptions): Promise<bigint> {
        checkOptions('retention.set', options, ['keep', 'versions', 'durationMs', ...scopeNames]);
        const { run, primitive, keep, versions, durationMs } = options;
        const args = { run, primitive, keep, versions, duration_ms: durationMs };
        return (await this.#caller.exec('retention.set', args, options)).version;
    }

    /** The rule that counts, and what it is a rule of. */
    async get(options?: CallOptions & { run?: string; primitive?: string }): Promise<Camel<RetentionGetResult>> {
        checkOptions('retention.get', options, scopeNames);
        const { run, primitive } = options ?? {};
        return camel(await this.#caller.exec('retention.get', { run, primitive }, options));
    }

    /** The rules, read page by page. */
    list(options: PageOptions = {}): AsyncGenerator<Camel<RetentionRule>, void, undefined> {
        checkOptions('retention.list', options, ['limit', 'signal']);
        return pages<Camel<RetentionRule>, string>(options, async (limit, cursor) => {
            const page = await this.#caller.exec('retention.list', { limit, cursor }, options);
            return { items: page.rules.map(camel), cursor: page.cursor };
        });
    }

    /** Removes a rule: a wider one counts again. Resolves to whether there was one. */
    async remove(options?: CallOptions & RetentionScope): Promise<boolean> {
        checkOptions('retention.remove', options, scopeNames);
        const { run, primitive } = options ?? {};
        return (await this.#caller.exec('retention.remove', { run, primitive }, options)).existed;
    }
}
