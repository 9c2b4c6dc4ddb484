/* Proves what js/README.md says of schemas and entities, on the real engine: ids that are the same everywhere,
 * what does not fit and where, indexes, deleting in two steps, transactions. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { Conflict, Constraint, InvalidArgument, NotFound, open } from '../dist/node.js';

async function collect(iterable) {
    const items = [];
    for await (const item of iterable) {
        items.push(item);
    }
    return items;
}

const person = {
    type: 'object',
    required: ['email'],
    properties: { email: { type: 'string' }, age: { type: 'integer', minimum: 0 } },
};

async function withPeople() {
    const db = await open(':memory:');
    await db.schemas.put('person', person, { keyField: '/email', indexed: ['/age'] });
    return db;
}

test('schemas are kept, told back, and refused where they cannot be enforced', async () => {
    const db = await withPeople();
    const { name, schema, keyField, indexed, version } = await db.schemas.get('person');
    assert.deepEqual([name, schema, keyField, indexed], ['person', person, '/email', ['/age']]);
    assert.equal(typeof version, 'bigint');
    const bad = { properties: { code: { pattern: '[a-z]' } } };
    await assert.rejects(db.schemas.put('bad', bad), (error) => {
        assert.ok(error instanceof InvalidArgument);
        assert.deepEqual([error.details.keyword, error.details.path], ['pattern', '/properties/code/pattern']);
        return true;
    });
    assert.equal((await db.schemas.put('person', person, { keyField: '/email', indexed: ['/age'] })).version, version);
    await db.schemas.put('person', { required: ['email', 'city'] });
    assert.deepEqual((await db.schemas.get('person', { asOf: version })).schema, person);
    assert.equal((await collect(db.schemas.history('person'))).length, 2);
    assert.deepEqual((await collect(db.schemas.list({ prefix: 'p' }))).map((s) => s.name), ['person']);
    assert.equal(await db.schemas.delete('person'), true);
    await assert.rejects(db.schemas.get('person'), NotFound);
    assert.throws(() => db.schemas.list({ offset: 1 }), InvalidArgument);
    await db.close();
});

test('an entity has the id that its key gives it', async () => {
    const db = await withPeople();
    const hash = createHash('sha256').update('person\0ksanna@example.org').digest('hex').slice(0, 32);
    const made = await db.entities.upsert('person', { email: 'anna@example.org', age: 31 });
    assert.deepEqual([made.id, made.created], [hash, true]);
    assert.equal(await db.entities.id('person', { email: 'anna@example.org' }), hash);
    assert.equal((await db.entities.upsert('person', { email: 'anna@example.org', age: 32 })).created, false);
    const byUri = await db.entities.upsert('person', { email: 'x' }, { uri: 'http://x' });
    assert.equal(byUri.id, createHash('sha256').update('person\0uhttp://x').digest('hex').slice(0, 32));
    assert.equal((await db.entities.get('person', byUri.id)).uri, 'http://x');
    const { document, version } = await db.entities.get('person', hash, { asOf: made.version });
    assert.deepEqual([document, version], [{ email: 'anna@example.org', age: 31 }, made.version]);
    await assert.rejects(db.entities.upsert('person', { email: 'y', age: -1 }), (error) => {
        assert.ok(error instanceof Constraint);
        assert.deepEqual(error.details, { reason: 'schema_mismatch', path: '/age', keyword: 'minimum' });
        return true;
    });
    await db.close();
});

test('finding, listing and counting', async () => {
    const db = await withPeople();
    for (let i = 0; i < 250; i++) {
        await db.entities.upsert('person', { email: `p${i}`, age: i }, { id: `e${String(i).padStart(3, '0')}` });
    }
    const found = await collect(db.entities.find('person', { where: { path: '/age', gte: 240 }, orderBy: '/age', reverse: true, limit: 3 }));
    assert.deepEqual(found.map(({ document }) => document.age), [249, 248, 247]);
    assert.equal((await collect(db.entities.find('person', { where: { path: '/age', lt: 200 } }))).length, 200);
    assert.equal((await collect(db.entities.list('person'))).length, 250);
    assert.deepEqual((await collect(db.entities.list('person', { prefix: 'e24', reverse: true, limit: 2 }))).map((e) => e.id), ['e249', 'e248']);
    assert.equal(await db.entities.count('person', { prefix: 'e1' }), 100);
    await db.schemas.put('person', { properties: { age: { maximum: 247 } } });
    assert.deepEqual(await collect(db.schemas.check('person')), [
        { id: 'e248', path: '/age', keyword: 'maximum' },
        { id: 'e249', path: '/age', keyword: 'maximum' },
    ]);
    await db.close();
});

test('deleting is undone until it is purged', async () => {
    const db = await withPeople();
    const { id } = await db.entities.upsert('person', { email: 'a' });
    await db.entities.merge('person', id, { age: 5 });
    assert.equal(await db.entities.delete('person', id), true);
    assert.equal(await db.entities.delete('person', id), false);
    assert.equal(await db.entities.exists('person', id), false);
    await assert.rejects(db.entities.get('person', id), NotFound);
    assert.equal((await db.entities.get('person', id, { deleted: true })).deleted, true);
    assert.equal(await db.entities.count('person', { deleted: true }), 1);
    assert.equal(await db.entities.restore('person', id), true);
    assert.equal(await db.entities.restore('person', id), false);
    await assert.rejects(db.entities.purge('person', id), Constraint);
    await db.entities.delete('person', id);
    assert.deepEqual(await db.entities.vacuum({ olderThanMs: 3_600_000 }), { candidates: 0, purged: 0 });
    assert.deepEqual(await db.entities.vacuum({ schema: 'person', dryRun: true }), { candidates: 1, purged: 0 });
    assert.deepEqual(await db.entities.vacuum(), { candidates: 1, purged: 1 });
    assert.equal(await db.entities.purge('person', id, { force: true }), false);
    const past = await collect(db.entities.history('person', id, { documents: true }));
    assert.deepEqual(past.map(({ purged, deleted }) => [purged, deleted]), [
        [true, true], [false, true], [false, false], [false, true], [false, false], [false, false],
    ]);
    assert.deepEqual(past.at(-2).document, { email: 'a', age: 5 });
    await db.close();
});

test('in transactions', async () => {
    const db = await withPeople();
    const { id } = await db.entities.upsert('person', { email: 'a', age: 1 });
    await assert.rejects(db.transaction(async (tx) => {
        const { document } = await tx.entities.get('person', id);
        await db.entities.merge('person', id, { age: 10 });
        await tx.entities.upsert('person', { ...document, age: document.age + 1 });
    }, { retries: 0 }), Conflict);
    await db.transaction(async (tx) => {
        await tx.entities.merge('person', id, { age: 11 });
        assert.equal((await collect(tx.entities.find('person', { where: { path: '/age', eq: 11 } }))).length, 1);
        assert.equal((await collect(db.entities.find('person', { where: { path: '/age', eq: 11 } }))).length, 0);
        await assert.rejects(tx.schemas.put('other', {}), InvalidArgument);
    });
    assert.equal((await db.entities.get('person', id)).document.age, 11);
    await db.close();
});
