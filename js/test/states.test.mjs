/* Proves what js/README.md says of state cells, on the real engine: their counters, what cas compares, and
 * that a transition is run again until nobody was in between. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AlreadyExists, Conflict, float, InvalidArgument, NotFound, open } from '../dist/node.js';

async function collect(iterable) {
    const items = [];
    for await (const item of iterable) {
        items.push(item);
    }
    return items;
}

test('a cell counts its writes', async () => {
    const db = await open(':memory:');
    await assert.rejects(db.states.read('phase'), NotFound);
    const made = await db.states.init('phase', 'plan');
    assert.equal(made.counter, 1);
    assert.equal(typeof made.version, 'bigint');
    await assert.rejects(db.states.init('phase', 'plan'), AlreadyExists);
    assert.equal((await db.states.set('phase', { step: 1 })).counter, 2);
    const { value, counter, version } = await db.states.read('phase');
    assert.deepEqual([value, counter], [{ step: 1 }, 2]);
    assert.equal((await db.states.read('phase', { asOf: made.version })).value, 'plan');
    await assert.rejects(db.states.cas('phase', 1, { expectedCounter: 1 }), Conflict);
    await assert.rejects(db.states.cas('phase', 1, {}), InvalidArgument);
    await db.states.cas('phase', 1, { expectedVersion: version });
    await db.states.cas('phase', 2, { expectedValue: 1 });
    assert.equal(await db.states.delete('phase'), true);
    assert.equal(await db.states.delete('phase'), false);
    assert.equal((await db.states.set('phase', 'anew')).counter, 1);
    const past = await collect(db.states.history('phase'));
    assert.deepEqual(past.map(({ deleted, counter }) => (deleted ? 'x' : counter)), [1, 'x', 4, 3, 2, 1]);
    await db.close();
});

test('lists go on page after page', async () => {
    const db = await open(':memory:');
    for (let i = 0; i < 600; i++) {
        await db.states.set(`c${String(i).padStart(3, '0')}`, i);
    }
    const cells = await collect(db.states.list());
    assert.deepEqual(cells.map(({ value }) => value), Array.from({ length: 600 }, (_, i) => i));
    assert.deepEqual((await collect(db.states.list({ prefix: 'c59', reverse: true, limit: 2 }))).map((c) => c.name), ['c599', 'c598']);
    assert.equal((await collect(db.states.history('c000', { limit: 1 }))).length, 1);
    assert.throws(() => db.states.list({ offset: 1 }), InvalidArgument);
    await db.close();
});

test('a transition is run again when somebody was in between', async () => {
    const db = await open(':memory:');
    const seen = [];
    const add = (meet) => (value) => {
        seen.push(value);
        return meet().then(() => (value ?? 0) + 1);
    };
    const nobody = async () => undefined;
    assert.equal((await db.states.transition('n', add(nobody))).counter, 1);
    let times = 1;
    const once = async () => {
        if (times-- > 0) {
            await db.states.set('n', 10);
        }
    };
    assert.equal((await db.states.transition('n', add(once))).counter, 3);
    assert.deepEqual(seen, [undefined, 1, 10]);
    assert.equal((await db.states.read('n')).value, 11);
    // Made anew with the counter that it had: another cell all the same.
    await db.states.delete('n');
    await db.states.set('n', 1);
    times = 1;
    const anew = async () => {
        if (times-- > 0) {
            await db.states.delete('n');
            await db.states.set('n', 100);
        }
    };
    await db.states.transition('n', add(anew));
    assert.equal((await db.states.read('n')).value, 101);
    const always = async () => db.states.set('n', 0);
    seen.length = 0;
    await assert.rejects(db.states.transition('n', add(always), { retries: 1 }), Conflict);
    assert.equal(seen.length, 2);
    await assert.rejects(db.states.transition('n', add(nobody), { retries: -1 }), InvalidArgument);
    await assert.rejects(db.run('nowhere').states.transition('n', add(nobody)), NotFound);
    const mine = new Error('mine');
    await assert.rejects(db.states.transition('n', () => Promise.reject(mine)), (error) => error === mine);
    const gone = AbortSignal.abort(mine);
    await assert.rejects(db.states.transition('n', add(nobody), { signal: gone }), (error) => error === mine);
    await db.close();
});

test('a float that is whole is no obstacle', async () => {
    const db = await open(':memory:');
    await db.states.set('f', float(1));
    await db.states.transition('f', (value) => value + 1);
    assert.equal((await db.states.read('f')).value, 2);
    await db.close();
});

test('transitions in a transaction', async () => {
    const db = await open(':memory:');
    let tries = 0;
    await db.transaction(async (tx) => {
        tries++;
        await tx.states.transition('n', (value) => (value ?? 0) + 1);
        await tx.states.transition('n', (value) => value + 1);
        if (tries === 1) {
            await db.states.set('n', 10);
        }
    });
    assert.equal(tries, 2);
    const { value, counter } = await db.states.read('n');
    assert.deepEqual([value, counter], [12, 3]);
    await db.close();
});
