/* Proves that the examples of docs/operations.md are what the engine does: runs tools/op_examples.json on
 * an empty database, in order. Fields that differ from run to run are compared by type only. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { open } from '../dist/node.js';

const examples = JSON.parse(readFileSync(new URL('../../tools/op_examples.json', import.meta.url), 'utf8'));
const CHANGING = new Set(['timestamp', 'created', 'updated', 'hash', 'uuid', 'elapsed_us', 'memtable_bytes', 'index_bytes']);

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

test('the examples of the reference, in order', async () => {
    const db = await open(':memory:');
    for (const [i, { op, args, result, error }] of examples.entries()) {
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
});
