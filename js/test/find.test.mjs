/* Proves filters and secondary indexes of the npm package: what is found, in which order, page by page, by
 * which plan, and in transactions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvalidArgument, open } from '../dist/node.js';

async function keys(found) {
    const all = [];
    for await (const item of found) {
        all.push(item.key);
    }
    return all;
}

test('documents that a filter holds of, with and without an index', async () => {
    const db = await open(':memory:');
    for (let n = 0; n < 600; n++) {
        await db.json.create(`k${String(n).padStart(3, '0')}`, { n, even: n % 2 === 0, tags: [`t${n % 10}`] });
    }
    const few = { path: '/tags', contains: 't7' };
    const before = await keys(db.json.find({ where: few }));
    assert.equal(before.length, 60);
    assert.equal((await db.json.explainFind({ where: few })).kind, 'scan');
    await db.indexes.create('tags', '/tags');
    await db.indexes.create('n', '$.n');
    assert.deepEqual(await keys(db.json.find({ where: few })), before);
    assert.deepEqual(await db.json.explainFind({ where: few }), { kind: 'equal', index: 'tags', examined: 60 });
    const last = await keys(db.json.find({ where: { path: '/n', gte: 100 }, orderBy: '/n', reverse: true }));
    assert.deepEqual([last.length, last[0], last.at(-1)], [500, 'k599', 'k100']);
    const both = { and: [{ path: '/n', eq: 3 }, { not: { path: '/even', eq: true } }] };
    const { value: one } = await db.json.find({ where: both, documents: true }).next();
    assert.deepEqual(one.document, { n: 3, even: false, tags: ['t3'] });
    assert.deepEqual((await db.indexes.list()).map((index) => index.name), ['n', 'tags']);
    assert.equal(await db.indexes.drop('n'), true);
    assert.equal(await db.indexes.drop('n'), false);
    await assert.rejects(keys(db.json.find({ where: { path: '/n', like: 1 } })), InvalidArgument);
    await assert.rejects(db.indexes.create('kv', '/a', { primitive: 'kv' }), InvalidArgument);
    assert.throws(() => db.json.find({ whose: 1 }), InvalidArgument);
    await db.close();
});

test('what a transaction wrote is found in it, and elsewhere after its commit', async () => {
    const db = await open(':memory:');
    await db.indexes.create('tags', '/tags', { primitive: 'memory' });
    const where = { path: '/tags', contains: 'x' };
    await db.transaction(async (tx) => {
        await tx.memory.remember('a text', { key: 'm', tags: ['x'] });
        assert.deepEqual(await keys(tx.memory.find({ where })), ['m']);
        assert.deepEqual(await keys(db.memory.find({ where })), []);
    });
    assert.deepEqual(await keys(db.memory.find({ where })), ['m']);
    await db.close();
});
