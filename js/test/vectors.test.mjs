/* Proves what js/README.md says of vectors, on the real engine: collections, Float32Arrays in and out, searches now and
 * then, with filters, inside transactions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open } from '../dist/node.js';

test('collections come and go', async () => {
    const db = await open(':memory:');
    const notes = await db.vectors.create('notes', 3, { metric: 'euclidean', codes: 'i8', seed: 5 });
    await assert.rejects(db.vectors.create('notes', 3), { code: 'already_exists' });
    await assert.rejects(db.vectors.create('more', 3, { colour: 1 }), { code: 'invalid_argument' });
    const all = [];
    for await (const { name, dimension, metric, coded_as } of db.vectors.list()) {
        all.push({ name, dimension, metric, coded_as });
    }
    assert.deepEqual(all, [{ name: 'notes', dimension: 3, metric: 'euclidean', coded_as: 'i8' }]);
    assert.equal((await notes.info()).count, 0);
    assert.equal(await db.vectors.drop('notes'), true);
    assert.equal(await db.vectors.drop('notes'), false);
    await assert.rejects(notes.count(), { code: 'not_found' });
    await db.close();
});

test('embeddings are Float32Arrays, in and out', async () => {
    const db = await open(':memory:');
    const notes = await db.vectors.create('notes', 2);
    const first = await notes.upsert('a', new Float32Array([1, 0.25]), { metadata: { n: 1 }, text: 'one' });
    await notes.upsertMany([
        { key: 'b', embedding: [0, 1] },
        { key: 'c', embedding: [1, 0], metadata: { n: 2 } },
    ]);
    const { embedding, metadata, text, version } = await notes.get('a');
    assert.deepEqual([embedding, metadata, text, version], [new Float32Array([1, 0.25]), { n: 1 }, 'one', first]);
    assert.equal((await notes.get('a', { embedding: false })).embedding, undefined);
    assert.equal(await notes.exists('b'), true);
    assert.equal(await notes.count({ prefix: 'b' }), 1);
    const keys = [];
    for await (const vector of notes.list({ embeddings: true })) {
        keys.push([vector.key, vector.embedding.length]);
    }
    assert.deepEqual(keys, [['a', 2], ['b', 2], ['c', 2]]);
    assert.equal(await notes.delete('b'), true);
    assert.equal(await notes.delete('b'), false);
    const history = [];
    for await (const { deleted } of notes.history('b', { embeddings: true })) {
        history.push(deleted);
    }
    assert.deepEqual(history, [true, false]);
    await assert.rejects(notes.upsert('d', [1]), (error) => {
        assert.deepEqual([error.code, error.details.reason], ['constraint', 'dimension_mismatch']);
        return true;
    });
    await assert.rejects(notes.upsert('d', [1, Number.NaN]), { code: 'invalid_argument' });
    await db.close();
});

test('searches see what a reader sees', async () => {
    const db = await open(':memory:');
    const notes = await db.vectors.create('notes', 2);
    const then = await notes.upsert('a', [1, 0], { metadata: { kind: 'x' } });
    await notes.upsert('b', [1, 0.5]);
    const keys = async (embedding, options) => (await notes.search(embedding, options)).hits.map(({ key }) => key);
    assert.deepEqual(await keys([1, 0]), ['a', 'b']);
    assert.deepEqual(await keys([1, 0], { asOf: then }), ['a']);
    assert.deepEqual(await keys([0, 1], { k: 1 }), ['b']);
    assert.deepEqual(await keys([0, 1], { filter: { path: '/metadata/kind', eq: 'x' } }), ['a']);
    const { hits, stats } = await notes.search([2, 0], { k: 1, embeddings: true, explain: true, exact: true });
    assert.deepEqual(hits[0].embedding, new Float32Array([1, 0]));
    assert.deepEqual([hits[0].score, hits[0].explain.metric, stats.indexed], [1, 'cosine', true]);
    await db.transaction(async (tx) => {
        const inside = tx.vectors.collection('notes');
        await inside.upsert('c', [0, 1]);
        await inside.delete('b');
        assert.deepEqual((await inside.search([0, 1])).hits.map(({ key }) => key), ['c', 'a']);
        assert.deepEqual(await keys([0, 1]), ['b', 'a']);
    });
    assert.deepEqual(await keys([0, 1]), ['c', 'a']);
    await db.close();
});
