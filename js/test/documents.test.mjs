/* Proves what js/README.md and the types promise of JSON documents, on the real engine in Node: every method,
 * as of versions and times, in transactions with conflicts by path, and what errors tell. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
    AlreadyExists,
    Conflict,
    Constraint,
    HistoryTrimmed,
    InvalidArgument,
    InvalidKey,
    InvalidPath,
    NotFound,
    float,
    open,
} from '../dist/node.js';

async function collect(iterable) {
    const items = [];
    for await (const item of iterable) {
        items.push(item);
    }
    return items;
}

const trip = { city: 'Oslo', days: [{ plan: 'museum' }, { plan: 'ferry' }], budget: { total: 900 } };

test('a document from its creation to its end', async () => {
    const db = await open(':memory:');
    const created = await db.json.create('trip', trip);
    assert.equal(typeof created, 'bigint');
    await assert.rejects(db.json.create('trip', {}), AlreadyExists);
    assert.deepEqual(await db.json.get('trip'), trip);
    assert.equal(await db.json.get('trip', '/days/1/plan'), 'ferry');
    assert.equal(await db.json.get('trip', '$.days[1].plan'), 'ferry');
    const entry = await db.json.entry('trip');
    assert.deepEqual({ ...entry, timestamp: 0 }, { key: 'trip', document: trip, version: created, timestamp: 0 });
    assert.ok(entry.timestamp > 0);
    const set = await db.json.set('trip', '/hotel/name', 'Sentrum');
    assert.ok(set > created);
    assert.ok((await db.json.set('trip', '/days/-', { plan: 'home' })) > set);
    assert.equal(await db.json.exists('trip', '/days/2'), true);
    assert.equal(await db.json.exists('trip', '/days/3'), false);
    assert.equal(await db.json.exists('trip'), true);
    assert.equal(await db.json.exists('none'), false);
    assert.equal(await db.json.delete('trip', '/days/0'), true);
    assert.equal(await db.json.delete('trip', '/nothing'), false);
    assert.deepEqual(await db.json.get('trip', '/days'), [{ plan: 'ferry' }, { plan: 'home' }]);
    assert.equal(await db.json.destroy('trip'), true);
    assert.equal(await db.json.destroy('trip'), false);
    await assert.rejects(db.json.get('trip'), NotFound);
    assert.equal(await db.json.get('trip', '', { default: null }), null);
    assert.equal(await db.json.get('trip', '/x', { default: 7 }), 7);
    await assert.rejects(db.run('nowhere').json.get('trip', '', { default: 7 }), NotFound);
    await db.close();
});

test('values come back as what they were', async () => {
    const db = await open(':memory:');
    const bytes = new Uint8Array([0, 255]);
    await db.json.create('v', { bytes, big: 2n ** 62n, float: float(3), nan: NaN, none: null, deep: [[{}]] });
    const back = await db.json.get('v');
    assert.deepEqual(back.bytes, bytes);
    assert.equal(back.big, 2n ** 62n);
    assert.equal(back.float, 3);
    assert.ok(Number.isNaN(back.nan));
    assert.equal(back.none, null);
    assert.deepEqual(back.deep, [[{}]]);
    await db.json.create('text', '{"a": [1, 2.5e1], "e": "\\u00e9"}');
    assert.deepEqual(await db.json.get('text'), { a: [1, 25], e: 'é' });
    await db.json.set('text', '/s', 'a string is a string here, not JSON text: {}');
    assert.equal(await db.json.get('text', '/s'), 'a string is a string here, not JSON text: {}');
    await db.close();
});

test('patches, merges and cas', async () => {
    const db = await open(':memory:');
    await db.json.create('trip', trip);
    const patched = await db.json.patch('trip', [
        { op: 'test', path: '/city', value: 'Oslo' },
        { op: 'move', from: '/days/0', path: '/days/1' },
        { op: 'add', path: '/days/0', value: { plan: 'arrive' } },
        { op: 'remove', path: '/budget' },
    ]);
    assert.deepEqual(await db.json.get('trip', '/days'), [{ plan: 'arrive' }, { plan: 'ferry' }, { plan: 'museum' }]);
    await assert.rejects(
        db.json.patch('trip', [
            { op: 'add', path: '/x', value: 1 },
            { op: 'test', path: '/x', value: 2 },
        ]),
        (error) => error instanceof Conflict && error.details.operation === 1 && error.details.at === '/x',
    );
    assert.equal(await db.json.patch('trip', [{ op: 'test', path: '/city', value: 'Oslo' }]), patched, 'nothing was changed');
    await db.json.merge('trip', { city: null, hotel: { name: 'Sentrum', stars: null } });
    assert.equal(await db.json.exists('trip', '/city'), false);
    assert.deepEqual(await db.json.get('trip', '/hotel'), { name: 'Sentrum' });
    const { version } = await db.json.entry('trip');
    const next = await db.json.cas('trip', '/hotel/name', 'Grand', { expectedVersion: version });
    assert.ok(next > version);
    await assert.rejects(
        db.json.cas('trip', '/hotel/name', 'Plaza', { expectedVersion: version }),
        (error) => error instanceof Conflict && error.retryable && BigInt(error.details.version) === next,
    );
    await db.json.cas('new', '', { a: 1 }, { expectedVersion: 0 });
    assert.deepEqual(await db.json.get('new'), { a: 1 });
    await db.close();
});

test('lists and histories are read page by page', async () => {
    const db = await open(':memory:');
    const many = 300; // more than a page
    const keys = Array.from({ length: many }, (_, i) => `d/${String(i).padStart(3, '0')}`);
    for (const [i, key] of keys.entries()) {
        await db.json.create(key, { i });
    }
    await db.json.create('other', {});
    assert.equal(await db.json.count(), many + 1);
    assert.equal(await db.json.count({ prefix: 'd/' }), many);
    const listed = await collect(db.json.list({ prefix: 'd/', documents: true }));
    assert.deepEqual(listed.map(({ key, document }) => [key, document.i]), keys.map((key, i) => [key, i]));
    assert.ok(listed.every(({ version, timestamp }) => typeof version === 'bigint' && timestamp > 0));
    assert.deepEqual((await collect(db.json.list({ reverse: true, limit: 7, end: 'd/010' }))).map(({ key }) => key), keys.slice(3, 10).reverse());
    assert.equal((await collect(db.json.list({ start: 'd/299' }))).length, 2);
    for await (const { key, document } of db.json.list()) {
        assert.equal(document, undefined);
        if (key === 'd/003') {
            break; // ends the reading
        }
    }
    for (let i = 0; i < many; i++) {
        await db.json.set('other', '/n', i);
    }
    const history = await collect(db.json.history('other', { documents: true }));
    assert.equal(history.length, many + 1);
    assert.deepEqual(history.slice(0, many).map(({ document }) => document.n), Array.from({ length: many }, (_, i) => many - 1 - i));
    assert.deepEqual(history.at(-1).document, {});
    assert.equal(history.at(-1).whole, true);
    assert.equal(history[0].whole, false);
    assert.equal((await collect(db.json.history('other', { limit: 7 }))).length, 7);
    assert.equal((await collect(db.json.history('other', { before: history[many - 10].version }))).length, 10);
    assert.deepEqual(await collect(db.json.history('none')), []);
    await db.close();
});

test('every read can be asked as of a version or a time', async () => {
    const db = await open(':memory:');
    await db.runs.create('r');
    const { json } = db.run('r');
    await json.create('d', { l: [1, 2] });
    const { version: asOf, timestamp: asOfTime } = await json.entry('d');
    while (Date.now() * 1000 <= asOfTime); // another moment
    await json.delete('d', '/l/0');
    await json.create('e', {});
    for (const past of [{ asOf }, { asOfTime }, { asOfTime: new Date(asOfTime / 1000) }]) {
        assert.deepEqual(await json.get('d', '', past), { l: [1, 2] });
        assert.equal(await json.get('d', '/l/1', past), 2);
        assert.deepEqual((await json.entry('d', past)).document, { l: [1, 2] });
        assert.equal(await json.exists('d', '/l/1', past), true);
        assert.equal(await json.get('e', '', { ...past, default: 7 }), 7);
        assert.equal(await json.count(past), 1);
        assert.deepEqual((await collect(json.list({ ...past, documents: true }))).map(({ document }) => document), [{ l: [1, 2] }]);
    }
    assert.deepEqual(await json.get('d'), { l: [2] });
    await db.retention.set({ primitive: 'json', keep: 'last', versions: 1 });
    await json.set('d', '', {});
    await db.compact();
    await assert.rejects(json.get('d', '', { asOf }), (error) => error instanceof HistoryTrimmed && error.details.policy === 'last 1');
    await db.close();
});

test('transactions conflict by path, and elements keep their identities', async () => {
    const db = await open(':memory:');
    await db.json.create('trip', trip);
    const tx = await db.begin();
    await tx.json.set('trip', '/days/1/plan', 'boat');
    await tx.json.merge('trip', { budget: { total: 1000 } });
    assert.equal(await tx.json.get('trip', '/days/1/plan'), 'boat');
    assert.equal(await db.json.get('trip', '/days/1/plan'), 'ferry');
    await db.json.patch('trip', [{ op: 'add', path: '/days/0', value: { plan: 'sleep' } }]);
    await db.json.set('trip', '/city', 'Bergen');
    await tx.commit();
    assert.deepEqual(await db.json.get('trip'), {
        city: 'Bergen',
        days: [{ plan: 'sleep' }, { plan: 'museum' }, { plan: 'boat' }],
        budget: { total: 1000 },
    });
    const late = await db.begin();
    assert.equal(await late.json.get('trip', '/budget/total'), 1000);
    await late.json.create('copy', {});
    await db.json.set('trip', '/budget', { total: 5 });
    await assert.rejects(late.commit(), (error) => error instanceof Conflict && error.details.key === 'trip');
    assert.equal(await db.json.exists('copy'), false);
    let tries = 0;
    await db.transaction(async (again) => {
        const total = await again.json.get('trip', '/budget/total');
        if (tries++ === 0) {
            await db.json.set('trip', '/budget/total', 50);
        }
        await again.json.set('trip', '/budget/total', total + 1);
        assert.equal(await again.json.count(), 1);
        assert.equal((await collect(again.json.list({ documents: true })))[0].document.budget.total, total + 1);
        assert.equal((await collect(again.json.history('trip'))).length > 3, true);
    });
    assert.equal(tries, 2);
    assert.equal(await db.json.get('trip', '/budget/total'), 51);
    await db.close();
});

test('errors say what and where', async () => {
    const db = await open(':memory:');
    await db.json.create('d', { s: 'text', l: [] });
    const cases = [
        [() => db.json.get('d', '/a/b'), NotFound, { path: '/a/b' }],
        [() => db.json.get('d', 'a'), InvalidPath, { position: 0 }],
        [() => db.json.get('d', `${'/a'.repeat(257)}`), InvalidPath, { position: 512 }],
        [() => db.json.set('d', '/s/a', 1), InvalidPath, { at: '/s' }],
        [() => db.json.set('d', '/l/2', 1), InvalidPath, { at: '/l/2' }],
        [() => db.json.set('none', '/a', 1), NotFound, {}],
        [() => db.json.delete('d', ''), InvalidPath, {}],
        [() => db.json.create('_strata/x', {}), InvalidKey, {}],
        [() => db.json.create('t', '{"a":1,"a":2}'), InvalidArgument, { offset: 7 }],
        [() => db.json.create('t', '{"a":1e400}'), InvalidArgument, { offset: 5 }],
        [() => db.json.create('t', '[]'), Constraint, { reason: 'root_not_object' }],
        [() => db.json.set('d', '', []), Constraint, { reason: 'root_not_object' }],
        [() => db.json.set('d', '/n'.repeat(101), 1), Constraint, { reason: 'nesting_too_deep', limit: 100 }],
        [() => db.json.patch('d', [{ op: 'remove', path: '/x' }]), NotFound, { operation: 0 }],
        [() => db.json.patch('d', [{ op: 'shout', path: '/x' }]), InvalidArgument, { operation: 0 }],
    ];
    for (const [call, type, details] of cases) {
        await assert.rejects(call(), (error) => {
            assert.ok(error instanceof type, `${call}: ${error}`);
            assert.deepEqual({ ...error.details, ...details }, error.details, String(call));
            return true;
        });
    }
    await assert.rejects(db.json.get('d', '', { asof: 1 }), /did you mean asOf\?/);
    await assert.rejects(db.json.cas('d', '/a', 1, {}), InvalidArgument);
    await assert.rejects(db.json.get('d', '', { signal: AbortSignal.abort() }), { name: 'AbortError' });
    assert.deepEqual(await db.json.get('d'), { s: 'text', l: [] });
    await db.close();
});
