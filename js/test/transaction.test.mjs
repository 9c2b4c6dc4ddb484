/* Proves what js/README.md says of transactions, on the real engine: all or nothing, conflicts and how often
 * the function is run again, signals, savepoints, and that nothing reaches one that is over. Two that meet
 * are two functions that wait for each other at named points, so that each test goes one way only. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open, Conflict, InvalidArgument, NotFound, Timeout, Transaction } from '../dist/node.js';

async function collect(iterable) {
    const items = [];
    for await (const item of iterable) {
        items.push(item);
    }
    return items;
}

const closed = (error) => error.code === 'closed' && /transaction is over/.test(error.message);
const dispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');

test('commits all of it at once, and gives what the function gave', async () => {
    const db = await open(':memory:');
    await db.runs.create('bank');
    const bank = db.run('bank');
    await bank.kv.put('a', 10);
    const sum = await bank.transaction(async (tx) => {
        assert.ok(tx instanceof Transaction);
        assert.equal(tx.name, 'bank');
        assert.equal(await tx.kv.put('a', 3), 0n, 'it has no version yet');
        await tx.kv.put('b', 7);
        await tx.events.append('moved', { amount: 7 });
        await tx.memory.remember('Seven were moved to b.', { key: 'note' });
        assert.equal(await tx.kv.get('a'), 3, 'it sees its own writes');
        assert.equal(await bank.kv.get('a'), 10, 'nobody else does');
        assert.equal(await bank.kv.exists('b'), false);
        return (await tx.kv.get('a')) + (await tx.kv.get('b'));
    });
    assert.equal(sum, 10);
    const { version } = await bank.kv.entry('a');
    assert.equal((await bank.kv.entry('b')).version, version);
    assert.equal((await bank.events.read(1)).version, version);
    assert.equal((await bank.memory.get('note')).version, version);
    assert.deepEqual((await bank.memory.recall('moved')).hits.map(({ key }) => key), ['note']);
    assert.equal(await db.kv.exists('a'), false, 'the run default has none of it');
    await db.close();
});

test('what throws leaves nothing', async () => {
    const db = await open(':memory:');
    const before = (await db.stats()).version;
    const mine = new Error('mine');
    await assert.rejects(
        db.transaction(async (tx) => {
            await tx.kv.put('a', 1);
            await tx.events.append('x', {});
            throw mine;
        }),
        (error) => error === mine,
    );
    await assert.rejects(db.transaction((tx) => tx.kv.get('missing')), NotFound);
    await assert.rejects(db.run('nowhere').transaction(() => assert.fail('never called')), NotFound);
    assert.equal(await db.kv.exists('a'), false);
    assert.equal((await db.events.head()).sequence, 0);
    assert.equal((await db.stats()).version, before);
    await db.close();
});

test('calls that are not awaited are part of it', async () => {
    const db = await open(':memory:');
    await db.transaction((tx) => {
        for (let i = 0; i < 10; i++) {
            void tx.kv.put(`k${i}`, i);
        }
    });
    assert.equal(await db.kv.count(), 10);
    await db.close();
});

test('a conflict runs the function again, on what is there now', async () => {
    const db = await open(':memory:');
    await db.kv.put('n', 1);
    const seen = [];
    const result = await db.transaction(async (tx) => {
        const n = await tx.kv.get('n');
        seen.push(n);
        if (seen.length < 3) {
            await db.kv.put('n', n * 10);
        }
        await tx.kv.put('n', n + 1);
        return n;
    });
    assert.deepEqual(seen, [1, 10, 100]);
    assert.equal(result, 100);
    assert.equal(await db.kv.get('n'), 101);
    await db.close();
});

test('retries: three tries when left out, else as many as said and one', async () => {
    const db = await open(':memory:');
    for (const [options, tries] of [[undefined, 3], [{ retries: 0 }, 1], [{ retries: 1 }, 2]]) {
        let count = 0;
        await assert.rejects(
            db.transaction(async (tx) => {
                count++;
                await tx.kv.get('n', { default: 0 });
                await db.kv.put('n', count);
                await tx.kv.put('other', count);
            }, options),
            (error) => error instanceof Conflict && error.retryable && error.details.key === 'n',
        );
        assert.equal(count, tries);
    }
    assert.equal(await db.kv.exists('other'), false);
    for (const retries of [-1, 0.5, '2', null]) {
        await assert.rejects(db.transaction(() => assert.fail('never called'), { retries }), InvalidArgument);
    }
    await assert.rejects(db.transaction(() => assert.fail('never called'), { retires: 1 }), /did you mean retries/);
    await assert.rejects(db.begin({ retries: 1 }), /begin has no option retries/);
    await db.close();
});

test('two functions over the same key: one goes first, both are done', async () => {
    const db = await open(':memory:');
    await db.kv.put('n', 0);
    let tries = 0;
    let waiting = 0;
    let meet;
    const both = new Promise((resolve) => (meet = resolve));
    const increment = async (tx) => {
        tries++;
        const n = await tx.kv.get('n');
        if (++waiting === 2) {
            meet();
        }
        await both;
        await tx.kv.put('n', n + 1);
    };
    await Promise.all([db.transaction(increment), db.transaction(increment)]);
    assert.equal(await db.kv.get('n'), 2);
    assert.equal(tries, 3);
    await db.close();
});

test('increments and events of many do not conflict', async () => {
    const db = await open(':memory:');
    const transactions = await Promise.all(Array.from({ length: 8 }, () => db.begin()));
    for (const tx of transactions) {
        await tx.kv.incr('n');
        await tx.events.append('x', {});
    }
    for (const tx of transactions) {
        await tx.commit();
    }
    assert.equal(await db.kv.get('n'), 8);
    assert.deepEqual(await db.events.verify(), { valid: true, length: 8 });
    await db.close();
});

test('isolation: write skew is a conflict, but not under snapshot', async () => {
    const db = await open(':memory:');
    for (const [isolation, conflicts] of [['serializable', true], [undefined, true], ['snapshot', false]]) {
        await db.kv.put('x', 1);
        await db.kv.put('y', 1);
        const one = await db.begin({ isolation });
        const two = await db.begin({ isolation });
        assert.equal((await one.info()).isolation, isolation ?? 'serializable');
        await one.kv.put('x', -(await one.kv.get('y')));
        await two.kv.put('y', -(await two.kv.get('x')));
        await one.commit();
        await (conflicts ? assert.rejects(two.commit(), Conflict) : two.commit());
        assert.ok(two.over, 'also after a conflict');
    }
    await assert.rejects(db.begin({ isolation: 'none' }), InvalidArgument);
    await db.close();
});

test('a list that was read conflicts with a key that is new in it', async () => {
    const db = await open(':memory:');
    for (let i = 0; i < 600; i++) {
        await db.kv.put(`k${String(i).padStart(3, '0')}`, i);
    }
    const tx = await db.begin();
    assert.equal((await collect(tx.kv.list({ prefix: 'k' }))).length, 600);
    await tx.kv.put('count', 600);
    await db.kv.put('k5995', 'new');
    assert.equal((await collect(tx.kv.list({ prefix: 'k' }))).length, 600, 'it sees what it saw');
    await assert.rejects(tx.commit(), Conflict);
    await db.close();
});

test('read-only: sees one moment, writes nothing, never conflicts', async () => {
    const db = await open(':memory:');
    const version = await db.kv.put('a', 1);
    const seen = await db.transaction(
        async (tx) => {
            assert.equal(tx.version, version);
            const first = await tx.kv.get('a');
            await db.kv.put('a', 2);
            await assert.rejects(tx.kv.put('a', 3), (error) => error.code === 'forbidden' || error instanceof InvalidArgument);
            return [first, await tx.kv.get('a')];
        },
        { readOnly: true },
    );
    assert.deepEqual(seen, [1, 1]);
    await db.close();
});

test('savepoints', async () => {
    const db = await open(':memory:');
    await db.transaction(async (tx) => {
        await tx.kv.put('a', 1);
        const first = await tx.savepoint();
        await tx.kv.put('a', 2);
        await tx.events.append('x', {});
        const second = await tx.savepoint();
        await tx.kv.put('b', 1);
        await tx.rollbackTo(second);
        assert.equal(await tx.kv.exists('b'), false);
        await tx.rollbackTo(first);
        assert.equal(await tx.kv.get('a'), 1);
        await assert.rejects(tx.rollbackTo(second), InvalidArgument);
        assert.equal((await tx.info()).writes, 1);
        await tx.kv.put('c', 1);
    });
    assert.deepEqual((await collect(db.kv.list())).map(({ key, value }) => [key, value]), [['a', 1], ['c', 1]]);
    assert.equal((await db.events.head()).sequence, 0);
    await db.close();
});

test('by hand: commit, rollback, disposal; once over nothing reaches it', async () => {
    const db = await open(':memory:');
    const committed = await db.begin();
    await committed.kv.put('a', 1);
    const version = await committed.commit();
    assert.equal((await db.kv.entry('a')).version, version);
    await committed.rollback();
    assert.equal(await db.kv.get('a'), 1, 'rolling back what is over is harmless');

    const dropped = await db.begin();
    await dropped.kv.put('a', 2);
    await dropped[dispose]();
    assert.equal(await db.kv.get('a'), 1);

    for (const tx of [committed, dropped]) {
        assert.equal(tx.over, true);
        await assert.rejects(tx.kv.put('a', 3), closed);
        await assert.rejects(tx.kv.get('a', { default: 3 }), closed);
        await assert.rejects(collect(tx.kv.list()), closed);
        await assert.rejects(tx.savepoint(), closed);
        await assert.rejects(tx.commit(), closed);
    }
    let kept;
    await db.transaction((tx) => void (kept = tx));
    await assert.rejects(kept.kv.put('a', 3), closed);
    assert.equal(await db.kv.get('a'), 1);
    await db.close();
});

test('a function may end its transaction itself', async () => {
    const db = await open(':memory:');
    const left = await db.transaction(async (tx) => {
        await tx.kv.put('a', 1);
        await tx.rollback();
        return 'left';
    });
    assert.equal(left, 'left');
    assert.equal(await db.kv.exists('a'), false);
    const version = await db.transaction(async (tx) => {
        await tx.kv.put('a', 1);
        return tx.commit();
    });
    assert.equal((await db.kv.entry('a')).version, version);
    await db.close();
});

test('what goes through the run inside the function is outside the transaction', async () => {
    const db = await open(':memory:');
    await assert.rejects(
        db.transaction(async (tx) => {
            await tx.kv.put('in', 1);
            await db.kv.put('out', 1);
            await db.transaction((other) => other.kv.put('of its own', 1));
            throw new Error('no');
        }),
        /no/,
    );
    assert.deepEqual((await collect(db.kv.list())).map(({ key }) => key), ['of its own', 'out']);
    await db.close();
});

test('a signal ends it before its next call, and while it waits to try again', async () => {
    const db = await open(':memory:');
    const reason = new Error('enough');
    const isReason = (error) => error === reason;
    const controller = new AbortController();
    await assert.rejects(
        db.transaction(
            async (tx) => {
                await tx.kv.put('a', 1);
                controller.abort(reason);
                await tx.kv.put('b', 1);
            },
            { signal: controller.signal },
        ),
        isReason,
    );
    await assert.rejects(db.transaction(() => assert.fail('never called'), { signal: AbortSignal.abort(reason) }), isReason);
    const beforeCommit = new AbortController();
    await assert.rejects(
        db.transaction(
            async (tx) => {
                await tx.kv.put('a', 1);
                beforeCommit.abort(reason);
            },
            { signal: beforeCommit.signal },
        ),
        isReason,
    );
    const waiting = new AbortController();
    let tries = 0;
    await assert.rejects(
        db.transaction(
            async (tx) => {
                tries++;
                await tx.kv.get('n', { default: 0 });
                await db.kv.put('n', tries);
                await tx.kv.put('a', 1);
                setTimeout(() => waiting.abort(reason)); // before the shortest pause is over
            },
            { signal: waiting.signal, retries: 50 },
        ),
        isReason,
    );
    assert.ok(tries < 50);
    assert.equal(await db.kv.exists('a'), false);
    await db.close();
});

test('the time of a transaction is bounded when asked for', async () => {
    const db = await open(':memory:');
    const tx = await db.begin({ timeoutMs: 1 });
    await tx.kv.put('a', 1).catch((error) => assert.ok(error instanceof Timeout)); // a slow machine
    const until = performance.now() + 3;
    while (performance.now() < until);
    await assert.rejects(tx.kv.get('a'), Timeout);
    await tx.rollback();
    assert.equal(await db.kv.exists('a'), false);
    await db.close();
});

test('a handle has sixteen open at most, and gives their places back', async () => {
    const db = await open(':memory:');
    const many = [];
    await assert.rejects(
        (async () => {
            for (;;) {
                many.push(await db.begin());
            }
        })(),
        (error) => error.details.reason === 'too_many_txns',
    );
    assert.equal(many.length, 16);
    await Promise.all(many.map((tx) => tx.rollback()));
    for (let i = 0; i < 40; i++) {
        await db.transaction((tx) => tx.kv.put('a', i));
        await db.transaction(() => Promise.reject(new Error('no'))).catch(() => undefined);
    }
    const last = await db.begin();
    await db.close();
    await last.rollback();
});
