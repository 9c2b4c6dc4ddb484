/* Proves what js/README.md promises, on the real engine in Node: the API over every operation, files that
 * survive reopening, a killed process and an exit without close, and errors in their classes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import * as strata from '../dist/node.js';

const { open, float, NotFound, Conflict, Busy, Constraint, Corrupt, InvalidArgument, WrongType } = strata;
const folders = [];
function newPath() {
    folders.push(mkdtempSync(join(tmpdir(), 'strata-js-')));
    return join(folders.at(-1), 'db');
}
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

async function collect(iterable) {
    const items = [];
    for await (const item of iterable) {
        items.push(item);
    }
    return items;
}

/* ---- Values and keys ---- */

test('kv: put, get, entry, exists, delete, history', async () => {
    const db = await open(':memory:');
    const first = await db.kv.put('a', 1);
    assert.equal(typeof first, 'bigint');
    const second = await db.kv.put('a', { deep: [true, null, 'é🦉'] });
    assert.ok(second > first);
    assert.deepEqual(await db.kv.get('a'), { deep: [true, null, 'é🦉'] });
    assert.equal(await db.kv.get('a', { asOf: first }), 1);
    const entry = await db.kv.entry('a');
    assert.equal(entry.version, second);
    assert.ok(entry.timestamp > 1.7e15);
    assert.equal(await db.kv.exists('a'), true);
    assert.equal(await db.kv.delete('a'), true);
    assert.equal(await db.kv.delete('a'), false);
    assert.equal(await db.kv.exists('a'), false);
    const history = await collect(db.kv.history('a'));
    assert.deepEqual(history.map(({ deleted }) => deleted), [true, false, false]);
    assert.equal(history[2].version, first);
    assert.deepEqual(await collect(db.kv.history('a', { limit: 1, before: second })), [history[2]]);
    await db.close();
});

test('kv.get of a missing key: NotFound, or the default', async () => {
    const db = await open(':memory:');
    await assert.rejects(db.kv.get('no'), (error) => error instanceof NotFound && error.retryable === false);
    assert.equal(await db.kv.get('no', { default: undefined }), undefined);
    assert.equal(await db.kv.get('no', { default: 7 }), 7);
    await db.kv.put('null', null);
    assert.equal(await db.kv.get('null', { default: 7 }), null, 'null is a value');
    await assert.rejects(db.run('nowhere').kv.get('no', { default: 7 }), NotFound, 'a run that is not there is no missing key');
    await assert.rejects(db.kv.get('', { default: 7 }), (error) => error.code === 'invalid_key');
    await db.close();
});

test('kv: every kind of value comes back', async () => {
    const db = await open(':memory:');
    const values = [
        null, true, 0, -1, 2 ** 53 - 1, 2n ** 63n - 1n, -(2n ** 63n), 0.5, -0, Infinity, NaN, '', 'text\0with NUL',
        new Uint8Array([0, 255]), [], {}, [1, [2, [3]]], JSON.parse('{"__proto__":1}'),
    ];
    for (const value of values) {
        await db.kv.put('v', value);
        const back = await db.kv.get('v');
        assert.deepEqual(back, value);
        assert.ok(typeof value !== 'number' || Object.is(back, value));
    }
    await db.kv.put('f', float(1));
    await assert.rejects(db.kv.incr('f'), WrongType, 'float(1) is no int');
    await db.kv.put('i', 1);
    assert.equal(await db.kv.incr('i', 41n), 42);
    assert.equal(await db.kv.incr('new', -3), -3);
    await db.kv.put('max', 2n ** 63n - 1n);
    await assert.rejects(db.kv.incr('max'), (error) => error.code === 'overflow');
    await db.close();
});

test('kv.list walks all pages, in both directions', async () => {
    const db = await open(':memory:');
    const keys = Array.from({ length: 1000 }, (_, i) => `k${String(i).padStart(4, '0')}`);
    for (const key of keys) {
        await db.kv.put(key, key);
    }
    const listed = async (options) => (await collect(db.kv.list(options))).map(({ key }) => key);
    assert.deepEqual(await listed(), keys);
    assert.deepEqual(await listed({ reverse: true }), keys.toReversed());
    assert.deepEqual(await listed({ prefix: 'k000' }), keys.slice(0, 10));
    assert.deepEqual(await listed({ start: 'k0100', end: 'k0600', limit: 300 }), keys.slice(100, 400));
    assert.deepEqual(await listed({ limit: 0 }), []);
    assert.equal(await db.kv.count(), 1000);
    assert.equal(await db.kv.count({ prefix: 'k00' }), 100);
    const controller = new AbortController();
    await assert.rejects(async () => {
        for await (const { key } of db.kv.list({ signal: controller.signal })) {
            if (key === 'k0200') {
                controller.abort(new Error('enough'));
            }
        }
    }, /enough/);
    assert.throws(() => db.kv.list({ prefx: 'k' }), /did you mean prefix/);
    await assert.rejects(collect(db.kv.list({ limit: -1 })), InvalidArgument);
    await db.close();
});

test('kv.cas by version and by value', async () => {
    const db = await open(':memory:');
    const version = await db.kv.cas('c', 1, { expectedVersion: 0 });
    await assert.rejects(db.kv.cas('c', 2, { expectedVersion: 0 }), (error) => {
        assert.ok(error instanceof Conflict && error.retryable);
        assert.equal(BigInt(error.details.version), version);
        return true;
    });
    await db.kv.cas('c', 2, { expectedVersion: version });
    await db.kv.cas('c', 3, { expectedValue: 2 });
    await assert.rejects(db.kv.cas('c', 4, { expectedValue: float(3) }), Conflict);
    await assert.rejects(db.kv.cas('c', 4, {}), InvalidArgument);
    assert.equal(await db.kv.get('c'), 3);
    await db.close();
});

/* ---- Runs, events, memories ---- */

test('runs have their own keys and states', async () => {
    const db = await open(':memory:');
    const { name } = await db.runs.create('trip', { tags: ['a'], metadata: { x: 1 } });
    const made = await db.runs.create();
    assert.ok(made.name.length > 0 && made.name !== name);
    const run = db.run('trip');
    await run.kv.put('k', 1);
    assert.equal(await db.kv.exists('k'), false);
    assert.deepEqual((await collect(db.runs.list({ tag: 'a' }))).map(({ name }) => name), ['trip']);
    await db.runs.pause('trip');
    await assert.rejects(run.kv.put('k', 2), (error) => {
        return error instanceof Constraint && error.details.reason === 'run_closed';
    });
    await db.runs.resume('trip');
    await db.runs.fail('trip', 'no ferry');
    const record = await db.runs.get('trip');
    assert.deepEqual([record.status, record.error, record.metadata], ['failed', 'no ferry', { x: 1 }]);
    assert.equal(typeof record.version, 'bigint');
    await db.runs.archive('trip');
    await db.runs.complete(made.name);
    await db.runs.create('c');
    await db.runs.cancel('c');
    await assert.rejects(db.runs.get('no'), NotFound);
    await assert.rejects(db.run('no').kv.put('k', 1), NotFound);
    await db.close();
});

test('events are numbered and chained', async () => {
    const db = await open(':memory:');
    assert.equal((await db.events.head()).sequence, 0);
    for (let i = 1; i <= 600; i++) {
        const { sequence } = await db.events.append(i % 2 ? 'odd' : 'even', { i });
        assert.equal(sequence, i);
    }
    const events = await collect(db.events.range());
    assert.deepEqual(events.map(({ payload }) => payload.i), Array.from({ length: 600 }, (_, i) => i + 1));
    assert.deepEqual(await db.events.read(600), events[599]);
    assert.deepEqual((await db.events.head()).hash, events[599].hash);
    assert.equal((await collect(db.events.range({ type: 'odd', start: 100, end: 200 }))).length, 50);
    assert.deepEqual(await db.events.verify(), { valid: true, length: 600 });
    await assert.rejects(db.events.read(601), NotFound);
    await db.close();
});

test('memories are recalled at once', async () => {
    const db = await open(':memory:');
    const { key, version } = await db.memory.remember('The ferry leaves at nine.', { tags: ['t'], metadata: { m: 1 } });
    await db.memory.remember('Bread needs flour, water, salt and time.', { key: 'bread' });
    const { hits, truncated, stats } = await db.memory.recall('ferries', { withText: true });
    assert.equal(truncated, false);
    assert.equal(hits.length, 1);
    assert.deepEqual(
        [hits[0].key, hits[0].version, hits[0].rank, hits[0].text, hits[0].metadata],
        [key, version, 1, 'The ferry leaves at nine.', { m: 1 }],
    );
    assert.match(hits[0].snippet, /\[ferry\]/);
    assert.deepEqual(Object.keys(stats).sort(), ['candidates', 'elapsedUs', 'memories', 'terms']);
    assert.equal(stats.memories, 2);
    assert.equal('snippet' in (await db.memory.recall('bread', { snippets: false })).hits[0], false);
    assert.deepEqual((await db.memory.get('bread')).tags, []);
    assert.deepEqual((await collect(db.memory.list({ tag: 't' }))).map((memory) => memory.key), [key]);
    assert.equal(await db.memory.forget(key), true);
    assert.deepEqual((await db.memory.recall('ferry')).hits, []);
    await assert.rejects(db.memory.get(key), NotFound);
    assert.equal((await db.memory.get(key, { asOf: version })).key, key);
    await assert.rejects(db.memory.recall('...'), InvalidArgument);
    await assert.rejects(db.memory.remember('half \ud800'), /surrogate/);
    await db.close();
});

/* ---- Options, closing ---- */

test('what cannot be opened says what to do', async () => {
    const cases = [
        ['notes.strata', {}, /use ':memory:' or 'file:PATH'/],
        ['opfs:notes', {}, /opfs: is for browsers/],
        ['file:', {}, /names no path/],
        [':memory:', { durabilty: 'strict' }, /did you mean durability\?/],
        [':memory:', { durability: 'sometimes' }, /durability/],
        [':memory:', { syncIntervalMs: 'soon' }, /sync_interval_ms/],
    ];
    for (const [target, options, message] of cases) {
        await assert.rejects(open(target, options), (error) => {
            assert.match(error.message, message);
            return error instanceof InvalidArgument;
        });
    }
    await assert.rejects(open(':memory:', { signal: AbortSignal.abort() }), { name: 'AbortError' });
    await assert.rejects(open(`file:${newPath()}`, { mustExist: true }), NotFound);
});

test('a call checks its options and its signal before it starts', async () => {
    const db = await open(':memory:');
    await assert.rejects(db.kv.put('a', 1, { sginal: null }), /did you mean signal/);
    await assert.rejects(db.kv.put('a', 1, { signal: AbortSignal.abort() }), { name: 'AbortError' });
    assert.equal(await db.kv.exists('a'), false);
    await assert.rejects(db.exec('kv.put', { key: 'a', valeu: 1 }), InvalidArgument);
    await assert.rejects(db.exec('kv.putt', {}), InvalidArgument);
    await db.close();
    await db.close();
    await assert.rejects(db.kv.put('a', 1), (error) => error.code === 'closed');
});

test('an open database is disposed of', async () => {
    const db = await open(':memory:');
    assert.equal(typeof db[Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')], 'function');
    await db[Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]();
    await assert.rejects(db.stats(), (error) => error.code === 'closed');
});

/* ---- Files ---- */

test('files: there after reopening; a path, a URL object and a read-only reader', async () => {
    const path = newPath();
    let db = await open(`file:${path}`);
    await db.memory.remember('The ferry leaves at nine.', { key: 'ferry' });
    const stats = await db.stats();
    assert.equal(stats.durability, 'buffered');
    assert.equal(typeof stats.durableVersion, 'bigint');
    assert.equal(await db.sync(), stats.version);
    const report = await db.verify();
    assert.deepEqual([report.valid, report.problems], [true, []]);
    await db.close();
    const stages = [];
    db = await open(pathToFileURL(path), { mustExist: true, onProgress: ({ stage }) => stages.push(stage) });
    assert.equal((await db.memory.recall('ferry')).hits[0].key, 'ferry');
    assert.ok(stages.includes('index'), stages.join());
    const reader = await open(`file:${path}`, { readOnly: true });
    assert.equal((await reader.memory.get('ferry')).text, 'The ferry leaves at nine.');
    await assert.rejects(reader.memory.forget('ferry'), (error) => error.code === 'forbidden');
    await reader.close();
    await db.close();
});

test('files: opened twice is busy, until the first is closed', async () => {
    const path = newPath();
    const db = await open(`file:${path}`);
    await assert.rejects(open(`file:${path}`), (error) => {
        return error instanceof Busy && error.retryable && /this process/.test(error.message);
    });
    await db.close();
    await (await open(`file:${path}`)).close();
});

test('buffered writes are synced a moment later, also when none follows', async () => {
    const db = await open(`file:${newPath()}`, { syncIntervalMs: 20 });
    for (let i = 0; i < 20; i++) {
        await db.kv.put('a', i);
        await wait(i % 7);
    }
    const { version } = await db.stats();
    while ((await db.stats()).durableVersion < version) {
        await wait(5); // ends by the test's own time-out if the clock of the engine stands still
    }
    await db.close();
});

const program = (body) => `
    const { open } = await import(${JSON.stringify(new URL('../dist/node.js', import.meta.url).href)});
    ${body}`;
function child(body) {
    return spawn(process.execPath, ['--input-type=module', '-e', program(body)], { stdio: ['ignore', 'pipe', 'inherit'] });
}

test('a program that ends without close has stored what it wrote', async () => {
    const path = newPath();
    const process = child(`
        const db = await open('file:' + ${JSON.stringify(path)});
        await db.kv.put('a', 1);`);
    assert.deepEqual(await once(process, 'exit'), [0, null]);
    const db = await open(`file:${path}`);
    assert.equal(await db.kv.get('a'), 1);
    await db.close();
});

test('killed mid-write: what strict acknowledged is there, and nothing is invented', async () => {
    const path = newPath();
    const process = child(`
        const { writeSync } = await import('node:fs');
        const db = await open('file:' + ${JSON.stringify(path)}, { durability: 'strict' });
        for (let i = 0; ; i++) {
            await db.kv.put('k' + i, i);
            writeSync(1, i + '\\n');
        }`);
    let said = '';
    process.stdout.on('data', (data) => {
        said += data;
        if (said.split('\n').length > 100) {
            process.kill('SIGKILL');
        }
    });
    await once(process, 'close');
    const acknowledged = said.split('\n').slice(0, -1).length;
    const db = await open(`file:${path}`);
    const count = await db.kv.count();
    assert.ok(count >= acknowledged && count <= acknowledged + 1, `${count} of ${acknowledged}`);
    for (let i = 0; i < count; i++) {
        assert.equal(await db.kv.get(`k${i}`), i);
    }
    assert.equal((await db.verify()).valid, true);
    await db.close();
});

test('a flipped byte is Corrupt with file and offset; a folder of something else is refused', async () => {
    const path = newPath();
    const db = await open(`file:${path}`, { durability: 'strict' });
    for (let i = 0; i < 50; i++) {
        await db.kv.put(`k${i}`, 'some value that is long enough to be hit');
    }
    await db.close();
    const [segment] = readdirSync(join(path, 'WAL'));
    const file = join(path, 'WAL', segment);
    const bytes = readFileSync(file);
    const at = bytes.length >> 1;
    const fd = openSync(file, 'r+');
    writeSync(fd, new Uint8Array([bytes[at] ^ 1]), 0, 1, at);
    closeSync(fd);
    await assert.rejects(open(`file:${path}`), (error) => {
        assert.ok(error instanceof Corrupt, String(error));
        assert.match(String(error.details.file), /wal-/);
        return typeof error.details.offset === 'number';
    });
    const other = newPath();
    mkdirSync(other);
    writeFileSync(join(other, 'holiday.txt'), 'not a database');
    await assert.rejects(open(`file:${other}`), (error) => {
        assert.match(error.message, /not a Strata database/);
        return error instanceof InvalidArgument;
    });
    assert.deepEqual(readdirSync(other).filter((name) => !name.startsWith('LOCK')), ['holiday.txt']);
});

test('a path that is a file is refused, with the cause', async () => {
    const path = newPath();
    writeFileSync(path, 'a file');
    await assert.rejects(open(`file:${path}`), (error) => {
        assert.ok(error instanceof strata.StrataError, String(error));
        assert.match(String(error.cause?.message), /ENOTDIR|EEXIST/);
        return true;
    });
    assert.equal(readFileSync(path, 'utf8'), 'a file');
});

test('every operation of the table can be reached', async () => {
    const folder = new URL('../../core/api/ops/', import.meta.url);
    const table = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), 'utf8')).join('');
    const names = [...table.matchAll(/^OP\(\w+, "([^"]+)"/gm)].map(([, name]) => name);
    assert.ok(names.length > 30);
    const db = await open(':memory:');
    for (const name of names) {
        const answer = await db.exec(name, {}).catch((error) => error);
        assert.ok(!/no operation/.test(String(answer)), `${name}: ${answer}`);
    }
    await db.close();
});
