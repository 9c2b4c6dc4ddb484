/* Proves runs from begin to end, and events as they come: an iterator of tail() gets every event once, waits
 * without a timer, and ends with its run, by return(), by its signal and when the database is closed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Closed, Constraint, InvalidArgument, NotFound, open } from '../dist/node.js';

async function collect(iterable) {
    const items = [];
    for await (const item of iterable) {
        items.push(item);
    }
    return items;
}

test('runs: begin, tag, update, query, history, end', async () => {
    const db = await open(':memory:');
    const begun = await db.runs.begin('r', { tags: ['a', 'a'], metadata: { k: 1, gone: true } });
    assert.deepEqual(begun, { created: true, version: 2n });
    assert.deepEqual(await db.runs.begin('r'), { created: false });
    assert.deepEqual(await db.runs.tag('r', { add: ['b'], remove: ['x'] }), { changed: true, version: 3n });
    assert.equal((await db.runs.update('r', { gone: null, deep: { x: 1 } })).changed, true);
    await db.runs.create('r/1', { parent: 'r' });
    const run = await db.runs.get('r');
    assert.deepEqual([run.tags, run.metadata], [['a', 'b'], { k: 1, deep: { x: 1 } }]);
    const names = async (iterable) => (await collect(iterable)).map(({ name }) => name);
    assert.deepEqual(await names(db.runs.query({ tags: ['z', 'b'] })), ['r']);
    assert.deepEqual(await names(db.runs.query({ prefix: 'r/', createdAfter: new Date(0) })), ['r/1']);
    assert.deepEqual(await names(db.runs.query({ createdBefore: new Date(0) })), []);
    assert.deepEqual(await names(db.runs.query({ asOf: 2n, parent: 'r' })), []);
    assert.deepEqual(await names(db.runs.children('r', { limit: 1 })), ['r/1']);
    await db.run('r').kv.put('a', 1);
    const stats = await db.runs.stats('r');
    assert.deepEqual(stats.primitives, [{ primitive: 'kv', keys: 1, versions: 1, bytes: 4 }]);
    assert.equal(stats.firstVersion, stats.lastVersion);
    const version = await db.runs.end('r', { status: 'failed', error: 'why' });
    await assert.rejects(db.runs.begin('r'), (error) => error instanceof Constraint && error.details.reason === 'transition');
    await assert.rejects(db.runs.end('r/1', { error: 'no' }), InvalidArgument);
    const history = await collect(db.runs.history('r'));
    assert.equal(history[0].version, version);
    assert.deepEqual(history.map(({ run }) => run.status), ['failed', 'active', 'active', 'active']);
    assert.deepEqual(await collect(db.runs.history('r', { limit: 1, before: version })), [history[1]]);
    await assert.rejects(collect(db.runs.history('nobody')), NotFound);
    await db.close();
});

test('events: count, types, backwards and by time', async () => {
    const db = await open(':memory:');
    for (let i = 0; i < 5; i++) {
        await db.events.append(`t${i % 2}`, { i });
    }
    assert.equal(await db.events.count(), 5);
    assert.equal(await db.events.count({ type: 't1' }), 2);
    assert.equal(await db.events.count({ asOf: 2n }), 1);
    const types = await collect(db.events.types());
    assert.deepEqual(types.map(({ type, count, first, last }) => [type, count, first, last]), [['t0', 3, 1, 5], ['t1', 2, 2, 4]]);
    assert.ok(types[0].firstTime <= types[0].lastTime);
    const sequences = async (options) => (await collect(db.events.range(options))).map(({ sequence }) => sequence);
    assert.deepEqual(await sequences({ reverse: true }), [5, 4, 3, 2, 1]);
    assert.deepEqual(await sequences({ reverse: true, limit: 2, end: 4 }), [3, 2]);
    assert.deepEqual(await sequences({ startTime: new Date(0), endTime: new Date(1) }), []);
    assert.deepEqual(await sequences({ startTime: new Date(0), type: 't1' }), [2, 4]);
    for (let i = 0; i < 600; i++) {
        await db.events.append('many', {});
    }
    assert.deepEqual(await sequences({ reverse: true }), Array.from({ length: 605 }, (_, i) => 605 - i));
    await db.close();
});

test('tail: what is there, then what comes, until the run ends', async () => {
    const db = await open(':memory:');
    await db.runs.begin('r');
    const { events } = db.run('r');
    for (let i = 1; i <= 300; i++) {
        await events.append('old', { i });
    }
    const seen = [];
    const reading = (async () => {
        for await (const { sequence } of events.tail({ after: 0 })) {
            seen.push(sequence);
        }
    })();
    for (let i = 301; i <= 310; i++) {
        await events.append('new', { i });
    }
    await db.run('r').transaction(async (tx) => {
        await tx.events.append('new', {});
        await tx.events.append('new', {});
    });
    await db.runs.pause('r');
    await db.runs.end('r', { status: 'cancelled' });
    await reading;
    assert.deepEqual(seen, Array.from({ length: 312 }, (_, i) => i + 1));
    await db.close();
});

test('tail: only new ones of a type', async () => {
    const db = await open(':memory:');
    await db.events.append('a', {});
    const tail = db.events.tail({ type: 'a' });
    const first = tail.next(); // from here on
    const second = tail.next();
    await Promise.resolve();
    await db.events.head();
    await db.events.append('b', {});
    await db.events.append('a', {});
    await db.events.append('a', {});
    assert.deepEqual([(await first).value.sequence, (await second).value.sequence], [3, 4]);
    await tail.return();
    assert.deepEqual(await tail.next(), { done: true, value: undefined });
    await db.close();
});

test('tail: return() ends a next() that waits, a signal throws its reason, closing throws Closed', async () => {
    const db = await open(':memory:');
    const tail = db.events.tail();
    const waiting = tail.next();
    await db.events.head();
    assert.deepEqual(await tail.return(), { done: true, value: undefined });
    assert.deepEqual(await waiting, { done: true, value: undefined });

    const controller = new AbortController();
    const aborted = db.events.tail({ signal: controller.signal }).next();
    await db.events.head();
    controller.abort(new Error('enough'));
    await assert.rejects(aborted, /enough/);
    await assert.rejects(db.events.tail({ signal: AbortSignal.abort() }).next(), { name: 'AbortError' });

    await assert.rejects(db.run('nobody').events.tail().next(), NotFound);
    assert.throws(() => db.events.tail({ afer: 1 }), InvalidArgument);
    await db.transaction((tx) => assert.throws(() => tx.events.tail(), InvalidArgument));

    const closed = db.events.tail().next();
    await db.events.head();
    await db.close();
    await assert.rejects(closed, Closed);
});

test('tail: break frees it, and two follow the same log', async () => {
    const db = await open(':memory:');
    const both = [0, 1].map(async () => {
        for await (const { sequence } of db.events.tail({ after: 0 })) {
            if (sequence === 20) {
                break;
            }
        }
        return 'left';
    });
    for (let i = 0; i < 25; i++) {
        await db.events.append('t', { i });
    }
    assert.deepEqual(await Promise.all(both), ['left', 'left']);
    await db.close();
});
