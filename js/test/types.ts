/* Proves the types: this file compiles, and each line after a `@ts-expect-error` would not without it. It
 * is never run. */
import { type Database, float, NotFound, open, type StoredValue, StrataError } from '../dist/esm/node.js';

export async function types(): Promise<void> {
    await using db: Database = await open(':memory:', { durability: 'strict', onProgress: ({ stage }) => stage.trim() });

    // @ts-expect-error an option that open does not have
    await open(':memory:', { durabilty: 'strict' });
    // @ts-expect-error a mode that does not exist
    await open(':memory:', { durability: 'sometimes' });

    const version: bigint = await db.kv.put('a', { nested: [1, 2n, float(3), null, new Uint8Array(1)] });
    // @ts-expect-error a Date is no value
    await db.kv.put('a', new Date());
    const value: StoredValue = await db.kv.get('a', { asOf: version });
    const fallback: StoredValue | undefined = await db.kv.get('a', { default: undefined });
    // @ts-expect-error versions are bigints
    const wrong: number = await db.kv.put('a', value);

    const { hits } = await db.exec('memory.recall', { query: 'x', k: 3, with_text: true });
    const score: number | undefined = hits[0]?.score;
    // @ts-expect-error an argument that the operation does not have
    await db.exec('memory.recall', { query: 'x', withText: true });
    // @ts-expect-error a required argument is missing
    await db.exec('memory.recall', { k: 3 });
    // @ts-expect-error no such operation
    await db.exec('memory.recal', { query: 'x' });
    // @ts-expect-error an operation without arguments takes none
    await db.exec('db.stats', { verbose: true });

    for await (const { key, version } of db.run('r').kv.list({ prefix: 'p', signal: AbortSignal.timeout(1) })) {
        const both: [string, bigint] = [key, version];
        void both;
    }
    const sum: number = await db.run('r').transaction(
        async (tx) => {
            const savepoint: number = await tx.savepoint();
            await tx.rollbackTo(savepoint);
            // @ts-expect-error a transaction is of one run
            tx.runs;
            return tx.kv.count();
        },
        { isolation: 'snapshot', readOnly: true, timeoutMs: 100, retries: 0 },
    );
    // @ts-expect-error an isolation that does not exist
    await db.transaction(() => 1, { isolation: 'dirty' });
    await using tx = await db.begin({ signal: AbortSignal.timeout(1) });
    const committed: bigint = await tx.commit();

    const then: StoredValue = await tx.kv.get('a', { asOfTime: new Date() });
    const many: Map<string, { value: StoredValue; expires?: number | undefined }> = await db.kv.getMany(['a']);
    await db.kv.putMany([{ key: 'a', value: then, ttlMs: 1000 }]);
    // @ts-expect-error every entry has a value
    await db.kv.putMany([{ key: 'a' }]);
    await db.retention.set({ keep: 'for', durationMs: 1000, primitive: 'kv' });
    // @ts-expect-error events are never trimmed
    await db.retention.set({ keep: 'all', primitive: 'event' });
    const { versionsRemoved }: { versionsRemoved: number } = await db.compact({ mode: 'full' });

    const made: bigint = await db.json.create('d', { list: [1, float(2)], s: 'x' });
    await db.json.create('t', '{"a": 1}');
    // @ts-expect-error a document is an object, or the JSON text of one
    await db.json.create('t', [1]);
    const part: StoredValue = await db.json.get('d', '$.list[0]', { asOf: made });
    const orNothing: StoredValue | undefined = await db.json.get('d', '/x', { default: undefined });
    await db.json.patch('d', [{ op: 'move', from: '/s', path: '/list/-' }]);
    // @ts-expect-error every operation has a path
    await db.json.patch('d', [{ op: 'remove' }]);
    // @ts-expect-error an expected version is needed
    await db.json.cas('d', '/s', 1, {});
    for await (const { version, deleted, document } of db.json.history('d', { documents: true, before: made })) {
        const revision: [bigint, boolean, StoredValue | undefined] = [version, deleted, document];
        void revision;
    }
    void [part, orNothing];

    const { durableVersion } = await db.stats();
    const durable: bigint = durableVersion;
    try {
        await db.kv.get('b');
    } catch (error) {
        if (error instanceof NotFound) {
            const code: 'not_found' | string = error.code;
            void code;
        } else if (error instanceof StrataError && error.retryable) {
            // @ts-expect-error no such code
            void (error.code === 'not_there');
        }
    }
    void [fallback, wrong, score, durable, sum, committed, many, versionsRemoved];
}
