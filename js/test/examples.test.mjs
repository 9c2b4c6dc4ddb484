/* Proves that the examples of docs/operations.md are what the engine does: runs tools/op_examples.json on
 * an empty database in memory, in order, and then those with "disk" on one of files. Fields that differ
 * from run to run are compared by type only. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { open } from '../dist/node.js';

const examples = JSON.parse(readFileSync(new URL('../../tools/op_examples.json', import.meta.url), 'utf8'));
const CHANGING = new Set([
    'timestamp', 'first_time', 'last_time', 'created', 'updated', 'time', 'hash', 'uuid', 'elapsed_us', 'age_ms', 'memtable_bytes', 'index_bytes', 'bytes', 'bytes_copied',
]);

function plain(value, name) {
    if (value instanceof Uint8Array) {
        return CHANGING.has(name) ? 'bytes' : { $bytes: Buffer.from(value).toString('base64') };
    }
    if (typeof value === 'bigint') {
        return Number(value);
    }
    if (Array.isArray(value)) {
        return value.map((item) => plain(item));
    }
    if (value !== null && typeof value === 'object') {
        if (CHANGING.has(name) && '$bytes' in value) {
            return 'bytes';
        }
        return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item, name)]));
    }
    return CHANGING.has(name) ? typeof value : value;
}

async function run(db, disk) {
    for (const [i, { op, args, result, error, disk: needed = false }] of examples.entries()) {
        if (needed !== disk) {
            continue;
        }
        const answer = db.exec(op, args);
        const where = `example ${i + 1}, ${op}`;
        if (error) {
            await assert.rejects(answer, (thrown) => {
                assert.equal(thrown.code, error.code, where);
                if ('message' in error) {
                    assert.equal(thrown.message, error.message, where);
                    assert.equal(thrown.retryable, error.retryable, where);
                    assert.deepEqual(plain(thrown.details), error.details, where);
                }
                return true;
            });
        } else {
            assert.deepEqual(plain(await answer), plain(result), where);
        }
    }
    await db.close();
}

test('the examples of the reference, in order', async () => run(await open(':memory:'), false));

test('the examples that need files', async () => {
    const before = process.cwd();
    const folder = mkdtempSync(join(tmpdir(), 'strata-examples-'));
    process.chdir(folder);
    try {
        await run(await open('file:agent.strata'), true);
    } finally {
        process.chdir(before);
        rmSync(folder, { recursive: true });
    }
});
