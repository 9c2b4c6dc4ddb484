/* Proves that the examples of docs/operations.md are what the engine does: runs tools/op_examples.json on
 * an empty database in memory, in order, and then those with "disk" on one of files. Fields that differ
 * from run to run are compared by type only.
 *
 * To write the results of new examples (and the commit numbers after them):
 * EXAMPLES_WRITE=1 node js/test/examples.test.mjs && make gen */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { open } from '../dist/node.js';

const file = new URL('../../tools/op_examples.json', import.meta.url);
const examples = JSON.parse(readFileSync(file, 'utf8'));
const writes = 'EXAMPLES_WRITE' in process.env;
const EXAMPLE_TIME = 1767225600000000;
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

/* An answer as it is written down; what changes from run to run stays what it was. */
function written(value, name, before) {
    if (CHANGING.has(name)) {
        return before ?? (typeof value === 'number' ? EXAMPLE_TIME : written(value, undefined));
    }
    if (value instanceof Uint8Array) {
        return { $bytes: Buffer.from(value).toString('base64') };
    }
    if (typeof value === 'bigint') {
        return Number(value);
    }
    if (Array.isArray(value)) {
        return value.map((item, i) => written(item, undefined, before?.[i]));
    }
    if (value !== null && typeof value === 'object') {
        return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, written(item, name, before?.[name])]));
    }
    return value;
}

async function write(example, answer) {
    try {
        example.result = written(await answer, undefined, example.result);
        delete example.error;
    } catch ({ code, message, retryable, details }) {
        example.error = { code, message, retryable, details: written(details, undefined, example.error?.details) };
        delete example.result;
    }
    const { op, args, result, error, ...flags } = example;
    Object.keys(example).forEach((name) => delete example[name]);
    Object.assign(example, { op, args }, error ? { error } : { result }, flags);
}

async function run(db, disk) {
    for (const [i, { op, args, result, error, disk: needed = false }] of examples.entries()) {
        if (needed !== disk) {
            continue;
        }
        const answer = db.exec(op, args);
        if (writes) {
            await write(examples[i], answer);
            continue;
        }
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

if (writes) {
    process.on('exit', () => {
        writeFileSync(file, `[\n${examples.map((example) => `  ${JSON.stringify(example)}`).join(',\n')}\n]\n`);
    });
}
