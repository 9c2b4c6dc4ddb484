/* Proves what js/README.md says of traces and edges, on the real engine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AlreadyExists, Constraint, InvalidArgument, NotFound, open, WrongType } from '../dist/node.js';

async function collect(iterable) {
    const items = [];
    for await (const item of iterable) {
        items.push(item);
    }
    return items;
}

const ids = async (iterable) => (await collect(iterable)).map(({ id }) => id);

test('traces: a tree of what was done', async () => {
    const db = await open(':memory:');
    const { id: root } = await db.traces.record('thought', { content: 'Hm.', confidence: 0.5 }, { tags: ['start'] });
    const call = { tool: 'search', arguments: { q: 'ferry' } };
    const { id: child, version } = await db.traces.record('tool_call', call, { parent: root, metadata: { n: 1 } });
    assert.equal(typeof version, 'bigint');
    assert.ok(child > root, 'ids are in the order of records');
    await db.traces.record('note', {}, { parent: child, id: 'zz' });
    await assert.rejects(db.traces.record('note', {}, { id: 'zz' }), AlreadyExists);
    await assert.rejects(db.traces.record('note', {}, { parent: 'none' }), NotFound);
    await assert.rejects(db.traces.record('thought', {}), (error) => error.details.field === 'content');
    await assert.rejects(db.traces.record('thought', { content: 1 }), WrongType);
    const found = await db.traces.get(child);
    assert.deepEqual([found.content, found.parent, found.metadata, found.tags], [call, root, { n: 1 }, []]);
    assert.equal(found.version, version);
    const { traces, truncated } = await db.traces.tree(root);
    assert.deepEqual([traces.map(({ id, depth }) => [id, depth]), truncated], [[[root, 0], [child, 1], ['zz', 2]], false]);
    assert.equal((await db.traces.tree(root, { limit: 2 })).truncated, true);
    assert.deepEqual(await ids(db.traces.children(root)), [child]);
    assert.deepEqual(await ids(db.traces.list({ reverse: true })), ['zz', child, root]);
    assert.deepEqual(await ids(db.traces.query({ tag: 'start' })), [root]);
    assert.deepEqual(await ids(db.traces.query({ type: 'note', parent: child })), ['zz']);
    assert.deepEqual(await ids(db.traces.list({ asOf: version })), [root, child]);
    assert.equal(await db.traces.count({ type: 'note' }), 1);
    assert.throws(() => db.traces.list({ tag: 'x' }), InvalidArgument);
    await db.close();
});

test('traces: lists go on page after page', async () => {
    const db = await open(':memory:');
    await db.transaction(async (tx) => {
        for (let i = 0; i < 600; i++) {
            await tx.traces.record('step', { i }, { id: `s${String(i).padStart(3, '0')}`, parent: i > 0 ? 's000' : undefined });
        }
    });
    assert.equal((await collect(db.traces.list())).length, 600);
    assert.equal((await collect(db.traces.children('s000'))).length, 599);
    assert.deepEqual(await ids(db.traces.children('s000', { reverse: true, limit: 2 })), ['s599', 's598']);
    await db.close();
});

test('edges: put, list, walk, paths', async () => {
    const db = await open(':memory:');
    const version = await db.edges.put('anna', 'knows', 'jonas', { weight: 2, properties: { since: 2019 } });
    await db.edges.put('jonas', 'knows', 'mia', { weight: 2 });
    await db.edges.put('anna', 'likes', 'mia', { weight: 9.5 });
    await db.edges.put('mia', 'knows', 'anna');
    const edge = await db.edges.get('anna', 'knows', 'jonas');
    assert.deepEqual([edge.weight, edge.properties, edge.version], [2, { since: 2019 }, version]);
    assert.equal((await db.edges.get('mia', 'knows', 'anna')).weight, undefined);
    await assert.rejects(db.edges.get('jonas', 'knows', 'anna'), NotFound);
    await assert.rejects(db.edges.put('a', 'b', 'c', { weight: Number.NaN }), InvalidArgument);
    assert.deepEqual((await collect(db.edges.out('anna'))).map(({ dst }) => dst), ['jonas', 'mia']);
    assert.deepEqual((await collect(db.edges.in('mia', { type: 'likes' }))).map(({ src }) => src), ['anna']);
    assert.deepEqual((await db.edges.neighbours('mia', { direction: 'both' })).names, ['anna', 'jonas']);
    const walk = await db.edges.traverse('anna', { depth: 10, types: ['knows'], order: 'depth' });
    assert.deepEqual(walk.reached.map(({ name, depth }) => [name, depth]), [['jonas', 1], ['mia', 2]]);
    assert.deepEqual([walk.edgesSeen, walk.truncated], [3, false]);
    assert.equal((await db.edges.traverse('anna', { limit: 1 })).truncated, true);
    assert.equal((await db.edges.traverse('anna', { depth: 2, asOf: version })).reached.length, 1);
    assert.deepEqual((await db.edges.path('anna', 'mia')).edges.map(({ type }) => type), ['likes']);
    const light = await db.edges.path('anna', 'mia', { weighted: true });
    assert.deepEqual([light.found, light.weight, light.edges.length], [true, 4, 2]);
    assert.equal((await db.edges.path('mia', 'nobody')).found, false);
    await db.edges.put('anna', 'owes', 'mia', { weight: -1 });
    await assert.rejects(db.edges.path('anna', 'mia', { weighted: true }), Constraint);
    assert.equal(await db.edges.delete('anna', 'likes', 'mia'), true);
    assert.equal(await db.edges.delete('anna', 'likes', 'mia'), false);
    await assert.rejects(db.edges.traverse('anna', { depth: 11 }), InvalidArgument);
    await assert.rejects(db.edges.traverse('anna', { deep: 1 }), InvalidArgument);
    await db.close();
});

test('edges: lists go on page after page', async () => {
    const db = await open(':memory:');
    await db.transaction(async (tx) => {
        for (let i = 0; i < 600; i++) {
            await tx.edges.put('hub', `t${i % 3}`, `leaf${i}`);
        }
    });
    const edges = await collect(db.edges.out('hub'));
    assert.equal(edges.length, 600);
    assert.equal(new Set(edges.map(({ dst }) => dst)).size, 600);
    assert.equal((await collect(db.edges.out('hub', { type: 't1' }))).length, 200);
    assert.equal((await collect(db.edges.in('leaf7'))).length, 1);
    await db.close();
});
