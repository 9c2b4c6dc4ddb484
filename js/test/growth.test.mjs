/* Proves that a database larger than its memory budget works in Node through WebAssembly: memory stays near
 * the budget while tables are written, merged and removed, and everything is there after reopening. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { InvalidArgument, open } from '../dist/node.js';

const MIB = 1 << 20;
const VALUE_BYTES = 2000;
const KEYS = 10_000;
const STEP = 7919; // a prime: each key once, in an order that makes every table overlap the others
/* Stack, text index, module, and growth by steps of 1 MiB are beside the budget. */
const BESIDE_BUDGET = 8 * MIB;

const folder = mkdtempSync(join(tmpdir(), 'strata-growth-'));
after(() => rmSync(folder, { recursive: true }));

/* Bytes that do not compress, another for each key and round. */
function value(seed) {
    const bytes = new Uint8Array(VALUE_BYTES);
    let state = seed;
    for (let i = 0; i < bytes.length; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        bytes[i] = state >>> 24;
    }
    return bytes;
}
const key = (i) => `key/${(i * STEP) % KEYS}`;

/* The memory of the engines that are made meanwhile. */
function watchMemory(t) {
    const memories = [];
    const { instantiate } = WebAssembly;
    t.mock.method(WebAssembly, 'instantiate', async (...args) => {
        const instance = await instantiate(...args);
        memories.push(instance.exports.memory);
        return instance;
    });
    return () => Math.max(...memories.map(({ buffer }) => buffer.byteLength));
}

test('20 MB within a budget of 1 MiB: written, overwritten, reopened, read', async (t) => {
    const bytes = watchMemory(t);
    const path = join(folder, 'db');
    const lines = [];
    const options = { memoryBytes: MIB, walSegmentBytes: MIB, onLog: (line) => lines.push(line) };
    let db = await open(`file:${path}`, options);
    for (let i = 0; i < KEYS; i += 50) {
        await db.transaction(async (tx) => {
            for (let j = i; j < i + 50; j++) {
                void tx.kv.put(key(j), value(j));
            }
        });
    }
    for (let i = 0; i < KEYS; i += 100) {
        await db.kv.put(key(i), value(-i - 1));
    }
    await db.kv.delete(key(1));
    const { memtableBytes, walBytes } = await db.stats();
    assert.ok(memtableBytes <= MIB / 2, `${memtableBytes} bytes not yet in tables`);
    assert.ok(walBytes <= 4 * MIB, `${walBytes} bytes of log`);
    await db.close();
    assert.ok(readdirSync(join(path, 'DATA')).length > 20, 'tables');

    db = await open(`file:${path}`, options);
    for (let i = 0; i < KEYS; i++) {
        if (i === 1) {
            assert.equal(await db.kv.exists(key(i)), false);
            continue;
        }
        const expected = value(i % 100 === 0 ? -i - 1 : i);
        assert.ok(Buffer.from(await db.kv.get(key(i))).equals(expected), key(i));
    }
    assert.equal(await db.kv.count(), KEYS - 1);
    let listed = 0;
    for await (const entry of db.kv.list({ prefix: 'key/99' })) {
        listed += entry.value.length;
    }
    assert.equal(listed, 111 * VALUE_BYTES);
    assert.deepEqual(await db.verify().then(({ valid, problems }) => [valid, problems]), [true, []]);
    await db.close();
    assert.ok(bytes() <= MIB + BESIDE_BUDGET, `${bytes()} bytes of memory`);
    assert.deepEqual(lines, []);
});

test('the budget: a bound that is too small or not a number is refused', async () => {
    for (const memoryBytes of [1, -1, '64M']) {
        await assert.rejects(open(':memory:', { memoryBytes }), (error) => {
            return error instanceof InvalidArgument && /memory_bytes/.test(error.message);
        });
    }
    await (await open(':memory:', { memoryBytes: MIB })).close();
});
