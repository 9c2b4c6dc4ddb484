/* Proves what js/README.md promises of the past and of copies, on the real engine in Node: reads as of a
 * version or a time, what ends by itself, several keys at once, how much history is kept, snapshots,
 * checkpoint, compaction, backup, export and import. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, openAsBlob, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { AlreadyExists, Constraint, Corrupt, HistoryTrimmed, InvalidArgument, NotFound, open } from '../dist/node.js';

const folder = mkdtempSync(join(tmpdir(), 'strata-history-'));
after(() => rmSync(folder, { recursive: true }));
let paths = 0;
const newPath = () => join(folder, `db-${++paths}`);

async function collect(iterable) {
    const items = [];
    for await (const item of iterable) {
        items.push(item);
    }
    return items;
}

test('every read can be asked as of a version or a time', async () => {
    const db = await open(':memory:');
    await db.runs.create('r', { tags: ['then'] });
    const run = db.run('r');
    await run.kv.put('a', 'old');
    await run.events.append('x', { n: 1 });
    const { version: asOf } = await run.memory.remember('The ferry leaves at nine.', { key: 'ferry' });
    const { timestamp: asOfTime } = await run.memory.get('ferry');
    while (Date.now() * 1000 <= asOfTime); // another moment
    await run.kv.put('a', 'new');
    await run.kv.put('b', 1);
    await run.events.append('x', { n: 2 });
    await run.memory.forget('ferry');
    await db.runs.complete('r');
    for (const past of [{ asOf }, { asOfTime }, { asOfTime: BigInt(asOfTime) }]) {
        assert.equal(await run.kv.get('a', past), 'old');
        assert.equal((await run.kv.entry('a', past)).value, 'old');
        assert.equal(await run.kv.exists('b', past), false);
        assert.equal(await run.kv.get('b', { ...past, default: 7 }), 7);
        assert.deepEqual((await collect(run.kv.list(past))).map(({ key, value }) => [key, value]), [['a', 'old']]);
        assert.equal(await run.kv.count(past), 1);
        assert.deepEqual([...(await run.kv.getMany(['b', 'a'], past)).keys()], ['a']);
        assert.equal((await run.events.head(past)).sequence, 1);
        assert.deepEqual((await collect(run.events.range(past))).map(({ payload }) => payload.n), [1]);
        await assert.rejects(run.events.read(2, past), NotFound);
        assert.equal((await run.memory.get('ferry', past)).key, 'ferry');
        assert.deepEqual((await collect(run.memory.list(past))).map(({ key }) => key), ['ferry']);
        assert.deepEqual((await run.memory.recall('ferries', past)).hits.map(({ key }) => key), ['ferry']);
        assert.equal((await db.runs.get('r', past)).status, 'active');
        assert.deepEqual((await collect(db.runs.list({ ...past, status: 'active' }))).map(({ name }) => name), ['default', 'r']);
    }
    assert.equal(asOfTime % 1000, 0, 'the clock of JavaScript tells milliseconds');
    assert.equal(await run.kv.get('a', { asOfTime: new Date(asOfTime / 1000) }), 'old');
    await assert.rejects(run.kv.get('a', { asOfTime: new Date('never') }), InvalidArgument);
    await assert.rejects(run.kv.get('a', { asOfTime: new Date(Date.now() + 1e6) }), InvalidArgument);
    await assert.rejects(run.kv.get('a', { asof: 1 }), /did you mean asOf\?/);
    await db.close();
});

test('what is stored with a time to live ends by itself', async () => {
    const db = await open(':memory:');
    await db.kv.put('token', 'k7', { ttlMs: 1 });
    await db.kv.cas('lease', 'mine', { expectedVersion: 0, ttlMs: 3_600_000 });
    const { timestamp, expires } = await db.kv.entry('lease');
    assert.equal(expires - timestamp, 3_600_000_000);
    const until = performance.now() + 5;
    while (performance.now() < until);
    await assert.rejects(db.kv.get('token'), NotFound);
    assert.deepEqual((await collect(db.kv.list())).map(({ key }) => key), ['lease']);
    await assert.rejects(db.kv.put('a', 1, { ttlMs: 0 }), InvalidArgument);
    await db.close();
});

test('several keys in one commit, or none', async () => {
    const db = await open(':memory:');
    const version = await db.kv.putMany([{ key: 'a', value: 1 }, { key: 'b', value: null }, { key: 'c', value: [2], ttlMs: 1e6 }]);
    const found = await db.kv.getMany(['c', 'missing', 'a', 'b']);
    assert.deepEqual([...found].map(([key, { value }]) => [key, value]), [['c', [2]], ['a', 1], ['b', null]]);
    assert.ok([...found.values()].every((entry) => entry.version === version));
    assert.ok(found.get('c').expires > found.get('c').timestamp);
    assert.equal(found.has('missing'), false);
    await assert.rejects(db.kv.putMany([{ key: 'd', value: 1 }, { key: '', value: 1 }]), (error) => error.code === 'invalid_key');
    await assert.rejects(db.kv.putMany([{ key: 'd', value: 1 }, { key: 'd', value: 2 }]), InvalidArgument);
    assert.equal(await db.kv.exists('d'), false);
    assert.deepEqual(await db.kv.deleteMany(['a', 'missing', 'b']), [true, false, true]);
    assert.equal(await db.kv.count(), 1);
    await db.transaction(async (tx) => {
        await tx.kv.putMany([{ key: 'x', value: 1 }, { key: 'y', value: 2 }]);
        assert.equal((await tx.kv.getMany(['x', 'y'])).size, 2);
        assert.deepEqual(await tx.kv.deleteMany(['x']), [true]);
    });
    assert.deepEqual((await collect(db.kv.list())).map(({ key }) => key), ['c', 'y']);
    await db.close();
});

test('retention: the narrowest rule counts, and compaction does what it says', async () => {
    const db = await open(`file:${newPath()}`);
    await db.runs.create('scratch');
    const run = db.run('scratch');
    assert.deepEqual(await db.retention.get(), { keep: 'all', source: 'none' });
    assert.equal(typeof (await db.retention.set({ keep: 'for', durationMs: 1e9 })), 'bigint');
    await db.retention.set({ keep: 'last', versions: 1, run: 'scratch', primitive: 'kv' });
    assert.deepEqual(await db.retention.get({ run: 'scratch', primitive: 'kv' }), {
        keep: 'last',
        versions: 1,
        source: 'run_primitive',
    });
    assert.deepEqual(await db.retention.get({ run: 'scratch' }), { keep: 'for', durationMs: 1e9, source: 'database' });
    const rules = await collect(db.retention.list());
    assert.deepEqual(rules.map(({ run, keep, durationMs }) => [run, keep, durationMs]), [
        [undefined, 'for', 1e9],
        ['scratch', 'last', undefined],
    ]);
    assert.equal(typeof rules[0].version, 'bigint');
    await assert.rejects(db.retention.set({ keep: 'last', versions: 1, primitive: 'event' }), Constraint);

    const first = await run.kv.put('a', 1);
    await run.kv.put('a', 2);
    const last = await run.kv.put('a', 3);
    const { versionsRemoved, reclaimedBytes, walSegmentsRemoved } = await db.compact();
    assert.equal(versionsRemoved, 2);
    assert.deepEqual([typeof reclaimedBytes, typeof walSegmentsRemoved], ['number', 'number']);
    assert.deepEqual((await collect(run.kv.history('a'))).map(({ version }) => version), [last]);
    await assert.rejects(run.kv.get('a', { asOf: first }), (error) => {
        assert.ok(error instanceof HistoryTrimmed, String(error));
        return BigInt(error.details.earliest_retained) === last;
    });
    assert.equal(await db.retention.remove({ run: 'scratch', primitive: 'kv' }), true);
    assert.equal(await db.retention.remove({ run: 'scratch', primitive: 'kv' }), false);
    await db.compact({ mode: 'wal' });
    await assert.rejects(db.compact({ mode: 'some' }), InvalidArgument);
    await db.close();
});

test('a snapshot is the database as it was, beside the one that goes on', async () => {
    const path = newPath();
    const db = await open(`file:${path}`);
    await db.kv.put('a', 'then');
    const made = await db.snapshots.create('before');
    assert.equal(typeof made.version, 'bigint');
    await assert.rejects(db.snapshots.create('before'), AlreadyExists);
    const { name } = await db.snapshots.create();
    await db.kv.put('a', 'now');
    assert.deepEqual((await db.snapshots.list()).map((snapshot) => snapshot.name), ['before', name]);
    const then = await open(`file:${path}`, { snapshot: 'before' });
    assert.equal(await then.kv.get('a'), 'then');
    await assert.rejects(then.kv.put('a', 1), (error) => error.code === 'forbidden');
    await then.close();
    await db.snapshots.delete('before');
    await assert.rejects(db.snapshots.delete('before'), NotFound);
    await assert.rejects(open(`file:${path}`, { snapshot: 'before' }), NotFound);
    assert.equal(await db.kv.get('a'), 'now');
    await db.close();
});

test('checkpoint, backup and export', async () => {
    const path = newPath();
    const db = await open(`file:${path}`);
    for (let i = 0; i < 100; i++) {
        await db.kv.put(`k${i}`, i);
    }
    const { version, time, bytes } = await db.checkpoint();
    assert.equal(version, (await db.stats()).version);
    assert.ok(time > 1.7e15 && bytes > 0);
    assert.ok((await db.stats()).tables > 0);

    const copy = newPath();
    const backup = await db.backup(copy);
    assert.deepEqual([backup.version, backup.filesCopied], [version, backup.files]);
    await db.kv.put('later', 1);
    assert.ok((await db.backup(copy)).filesCopied <= 1, 'only what it has not');
    const restored = await open(`file:${copy}`, { mustExist: true });
    assert.equal(await restored.kv.count(), 101);
    assert.equal((await restored.verify()).valid, true);
    await restored.close();
    await assert.rejects(db.backup(folder), InvalidArgument);

    const file = join(folder, 'one.strata.zst');
    const report = await db.export(file);
    assert.equal(report.keys >= 101, true);
    assert.equal(report.bytes, statSync(file).size);
    await assert.rejects(db.export(file), AlreadyExists);
    await db.close();

    const memory = await open(':memory:');
    await memory.kv.put('a', 1);
    await memory.export(join(folder, 'memory.strata.zst'));
    assert.ok(existsSync(join(folder, 'memory.strata.zst')));
    await assert.rejects(memory.backup(newPath()), InvalidArgument);
    await memory.close();
});

test('a database is made of an export, in whatever form it comes', async () => {
    const db = await open(':memory:');
    const version = await db.kv.put('a', 'old');
    await db.kv.put('a', 'new');
    await db.memory.remember('The ferry leaves at nine.', { key: 'ferry' });
    for (let i = 0; i < 200; i++) {
        await db.events.append('x', { i, text: 'words '.repeat(i) });
    }
    const file = join(folder, 'source.strata.zst');
    await db.export(file);
    const entry = await db.kv.entry('a');
    await db.close();

    const bytes = readFileSync(file);
    const inside = new Uint8Array(bytes.length + 200).subarray(100, 100 + bytes.length);
    inside.set(bytes);
    const blob = await openAsBlob(file);
    const sources = [file, bytes, inside, Uint8Array.from(bytes).buffer, blob];
    for (const source of [...sources.map((one) => () => one), () => blob.stream()]) {
        const target = `file:${newPath()}`;
        const made = await open(target, { import: source() });
        assert.deepEqual(await made.kv.entry('a'), entry);
        assert.equal(await made.kv.get('a', { asOf: version }), 'old');
        assert.deepEqual((await made.memory.recall('ferries')).hits.map(({ key }) => key), ['ferry']);
        assert.deepEqual(await made.events.verify(), { valid: true, length: 200 });
        assert.equal((await made.verify()).valid, true);
        await made.kv.put('later', 1);
        await made.close();
        await assert.rejects(open(target, { import: source() }), AlreadyExists);
        const again = await open(target, { mustExist: true });
        assert.equal(await again.kv.get('later'), 1);
        await again.close();
    }

    for (const broken of [bytes.subarray(0, bytes.length - 1), Uint8Array.from(bytes, (byte, i) => (i === 90 ? ~byte : byte))]) {
        const target = `file:${newPath()}`;
        await assert.rejects(open(target, { import: broken }), (error) => {
            return error instanceof Corrupt && error.details.file === 'strata:import';
        });
        const made = await open(target, { import: bytes }); // nothing is in the way
        assert.deepEqual(await made.kv.entry('a'), entry);
        await made.close();
    }
    await assert.rejects(open(`file:${newPath()}`, { import: join(folder, 'none') }), NotFound);
    await assert.rejects(open(`file:${newPath()}`, { import: new Uint8Array(64) }), InvalidArgument);
    await assert.rejects(open(`file:${newPath()}`, { import: 7 }), /must be a Blob/);
    await assert.rejects(open(':memory:', { import: bytes }), InvalidArgument);
});

test('a fork sees its parent as it was, and a deleted run is gone', async () => {
    const db = await open(':memory:');
    const parent = await db.runs.create('trip');
    const trip = db.run('trip');
    const first = await trip.kv.put('plan', 'train');
    await trip.kv.put('plan', 'plane');
    const made = await db.runs.fork('trip', { name: 'before', asOf: first, tags: ['what-if'], metadata: { n: 1 } });
    assert.deepEqual({ ...made, version: 0n }, { name: 'before', version: 0n, forked_from: 'trip', at: first });
    assert.ok(made.version > parent.version);
    const before = db.run('before');
    assert.equal(await before.kv.get('plan'), 'train');
    await before.kv.put('plan', 'boat');
    assert.equal(await trip.kv.get('plan'), 'plane');
    const record = await db.runs.get('before');
    assert.equal(record.parent, 'trip');
    assert.equal(record.forked_at, first);
    assert.deepEqual(record.metadata, { n: 1 });
    const ancient = await db.runs.fork('trip', { asOfTime: new Date(1000) });
    assert.equal(ancient.at_time, 1000000);
    assert.equal(await db.run(ancient.name).kv.count(), 0);
    await assert.rejects(db.runs.fork('nobody'), NotFound);
    await assert.rejects(db.runs.fork('trip', { asOf: 1n << 40n }), InvalidArgument);
    await assert.rejects(db.runs.fork('trip', { nam: 'x' }), /nam/);
    assert.equal(typeof (await db.runs.delete('trip')), 'bigint');
    await assert.rejects(db.runs.delete('trip'), NotFound);
    await assert.rejects(trip.kv.get('plan'), NotFound);
    await assert.rejects(db.runs.delete('default'), Constraint);
    assert.equal(await before.kv.get('plan'), 'boat');
    await db.close();
});
