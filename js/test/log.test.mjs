/* Proves what js/README.md promises of history, on the real engine in Node: logs, replays, states and
 * differences page by page, merges of forks, and explanations as trees. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Conflict, InvalidArgument, InvalidKey, NotFound, open } from '../dist/node.js';

async function collect(iterable) {
    const items = [];
    for await (const item of iterable) {
        items.push(item);
    }
    return items;
}

test('a log, a replay and a state', async () => {
    const db = await open(':memory:');
    for (let i = 0; i < 600; i++) {
        await db.kv.put(`k${i % 7}`, i);
    }
    const log = await collect(db.history.log());
    assert.equal(log.length, 600, 'more than one page');
    assert.equal(typeof log[0].version, 'bigint');
    assert.ok(log.every(({ version }, i) => i === 0 || version < log[i - 1].version));
    assert.deepEqual(log[0].changes, [{ ref: 'kv:k4', kind: 'put' }]);
    const replay = await collect(db.history.replay());
    assert.deepEqual(replay.map(({ version }) => version), log.map(({ version }) => version).reverse());
    assert.equal(replay[42].changes[0].value, 42);
    assert.equal((await collect(db.history.log({ ref: 'kv:k3', limit: 5 }))).length, 5);
    assert.equal((await collect(db.history.log({ from: log[1].version }))).length, 2);
    assert.equal((await collect(db.history.replay({ until: replay[2].version }))).length, 3);
    assert.equal((await collect(db.history.log({ untilTime: new Date(), reverse: true, limit: 1 })))[0].version, replay[0].version);
    const state = await collect(db.history.state({ asOf: replay[2].version, primitives: ['kv'] }));
    assert.deepEqual(state.map(({ ref, value }) => [ref, value]), [['kv:k0', 0], ['kv:k1', 1], ['kv:k2', 2]]);
    await assert.rejects(collect(db.history.log({ ref: 'k3' })), InvalidKey);
    await assert.rejects(collect(db.history.state({ primitives: ['keys'] })), InvalidArgument);
    await assert.rejects(async () => collect(db.history.log({ form: 1n })), /did you mean from\?/);
    await db.close();
});

test('a fork, what it has changed, and a merge', async () => {
    const db = await open(':memory:');
    await db.kv.put('both', 1);
    await db.kv.put('theirs', 1);
    const common = await db.json.create('doc', { a: 1 });
    await db.exec('run.fork', { name: 'f' });
    const fork = db.run('f');
    await fork.kv.put('both', 2);
    await fork.kv.delete('theirs');
    await fork.json.set('doc', '/a', 2);
    await fork.events.append('tried', { n: 1 });
    await db.kv.put('both', 3);
    const found = await collect(db.history.diff({ run: 'f' }));
    assert.deepEqual(found.map(({ ref, kind, before, after }) => [ref, kind, before, after]), [
        ['kv:both', 'changed', 3, 2],
        ['kv:theirs', 'removed', 1, undefined],
        ['event:1', 'added', undefined, { type: 'tried', payload: { n: 1 } }],
        ['json:doc', 'changed', { a: 1 }, { a: 2 }],
    ]);
    assert.equal(typeof found[0].beforeVersion, 'bigint');
    assert.deepEqual(await db.history.diffSummary({ run: 'f', primitives: ['kv'] }), { kv: { added: 0, removed: 1, changed: 1 } });
    assert.deepEqual(await collect(fork.history.diff({ asOf: common.version ?? common, run: 'default', otherAsOf: common.version ?? common })), []);
    await assert.rejects(db.history.merge('f'), Conflict);
    const dry = await db.history.merge('f', { dryRun: true });
    assert.deepEqual([dry.taken, dry.events, dry.conflictCount, dry.version], [2, 1, 1, undefined]);
    assert.deepEqual(dry.conflicts, [{ ref: 'kv:both', base: 1, source: 2, target: 3 }]);
    const merged = await db.history.merge('f', { strategy: 'theirs' });
    assert.equal(typeof merged.version, 'bigint');
    assert.equal(await db.kv.get('both'), 2);
    await assert.rejects(db.kv.get('theirs'), NotFound);
    assert.deepEqual(await db.json.get('doc'), { a: 2 });
    assert.equal((await db.events.read(1)).payload.merged_from.run, 'f');
    assert.equal((await collect(db.history.log({ limit: 1 })))[0].label, 'merge f');
    await db.close();
});

test('why a thing is as it is', async () => {
    const db = await open(':memory:');
    await db.runs.create('r', { provenance: true });
    assert.equal((await db.runs.get('r')).provenance, true);
    const run = db.run('r');
    await run.kv.put('price', 5);
    await run.transaction(async (tx) => tx.kv.put('sum', 2 * (await tx.kv.get('price'))), { label: 'sum up' });
    await run.transaction(async (tx) => tx.kv.put('bill', (await tx.kv.get('sum')) + 1));
    const { versions, truncated } = await run.history.explain('kv:bill');
    assert.equal(truncated, false);
    assert.equal(versions.length, 1);
    assert.equal(versions[0].read[0].ref, 'kv:sum');
    assert.equal(versions[0].read[0].label, 'sum up');
    assert.deepEqual(versions[0].read[0].read.map(({ ref, value, read }) => [ref, value, read]), [['kv:price', 5, []]]);
    assert.equal((await run.history.explain('kv:bill', { depth: 0 })).truncated, true);
    await assert.rejects(run.history.explain('kv:none'), NotFound);
    await db.runs.update('r', undefined, { provenance: false });
    assert.equal((await db.runs.get('r')).provenance, undefined);
    await db.close();
});
