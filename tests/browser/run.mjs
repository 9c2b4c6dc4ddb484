/* Proves that the example page and the package work in a real browser (Debian's Chromium): what is
 * remembered is recalled, also after a reload, a killed worker, a closed tab and a crashed browser, and
 * what goes wrong is told on the page. Each test has a browser profile of its own.
 *
 *     node tests/browser/run.mjs [WORDS OF A NAME]
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { open as openInNode } from '../../js/dist/node.js';
import { runAll, test } from './harness.mjs';
import './nearest.mjs';

const NOTES = {
    'oslo.md': [
        'The ferry to Nesodden leaves from Aker Brygge every half hour, the last one at 23:45.',
        'The Vigeland park is open day and night; go before nine to have it alone.',
        'Buy the ferry ticket in the Ruter app: the kiosk on the quay has closed for good.',
    ],
    'standup.txt': [
        'Staging restarts on Sundays at four; tell the night shift before you change the schedule.',
        'Marit is moving the export to the new queue and needs a review by Thursday.',
    ],
    'people.txt': ['Anna is allergic to walnuts and hazelnuts.', 'Jonas plays the cello and lives near the ferry terminal.'],
};

async function ready(page) {
    await page.waitForFunction(() => !document.getElementById('query').disabled);
}

async function drop(page, name, text) {
    const transfer = await page.evaluateHandle(
        ([name, text]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([text], name, { type: 'text/plain' }));
            return transfer;
        },
        [name, text],
    );
    await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
}

async function told(page, words) {
    await page.locator('#told', { hasText: words }).waitFor();
}

async function recall(page, query) {
    await page.fill('#query', '');
    await page.locator('#query').pressSequentially(query);
    await page.locator('#list[aria-busy=false]').waitFor({ state: 'attached' });
    return page.locator('#list li .text').allInnerTexts();
}

async function count(page, words) {
    await page.locator('#summary', { hasText: words }).waitFor();
}

/** Opens a database of its own in the page, as `window.db`. */
async function openDatabase(page, target, options = {}) {
    return page.evaluate(
        async ([target, options]) => {
            const { open } = await import('strata-db');
            window.db = await open(target, options);
        },
        [target, options],
    );
}

/* ---- The page ---------------------------------------------------------------------------------- */

test('typed and dropped texts are remembered, recalled as you type, and survive a reload', async (profile) => {
    const page = await profile.page();
    await ready(page);
    await count(page, /^0 memories/);
    await page.locator('#empty', { hasText: 'Nothing is remembered yet.' }).waitFor();

    await page.fill('#text', 'The key of the boathouse hangs behind the green door.\n\nIts alarm code changes in May.');
    await page.click('#remember');
    await told(page, 'Remembered 2 memories');
    assert.equal(await page.inputValue('#text'), '');
    for (const [name, paragraphs] of Object.entries(NOTES)) {
        await drop(page, name, paragraphs.join('\n\n'));
        await told(page, `Remembered ${paragraphs.length} memories`);
    }
    await count(page, /^9 memories/);

    const hits = await recall(page, 'ferry');
    assert.equal(hits.length, 3);
    assert.ok(hits.every((hit) => /ferry/i.test(hit)), hits.join('\n'));
    assert.equal(await page.locator('#list mark').first().innerText(), 'ferry');
    assert.match(await page.innerText('#timing'), /^3 hits among 9 · engine (under )?[0-9.]+ ms · round trip [0-9.]+ ms$/);

    await page.reload();
    await ready(page);
    await count(page, /^9 memories/);
    assert.deepEqual(await recall(page, 'ferry'), hits);
    assert.deepEqual((await recall(page, 'boathouse key')).length, 1);
    assert.deepEqual(page.errors, []);

    await recall(page, 'ferry ticket');
    const build = fileURLToPath(new URL('../../build/', import.meta.url));
    mkdirSync(build, { recursive: true });
    await page.setViewportSize({ width: 960, height: 820 });
    await page.screenshot({ path: `${build}page.png` });
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.screenshot({ path: `${build}page-dark.png` });
});

test('a file that comes again replaces what it was', async (profile) => {
    const page = await profile.page();
    await ready(page);
    await drop(page, 'list.txt', 'apples\n\npears\n\nplums');
    await told(page, 'Remembered 3 memories');
    await drop(page, 'list.txt', 'quinces\n\npears');
    await told(page, 'Remembered 2 memories');
    await page.reload();
    await ready(page);
    await count(page, /^2 memories/);
    assert.deepEqual(await recall(page, 'quinces'), ['quinces']);
    await page.fill('#query', 'apples');
    await page.locator('#empty', { hasText: 'Nothing fits.' }).waitFor();
});

test('what is forgotten stays forgotten', async (profile) => {
    const page = await profile.page();
    await ready(page);
    await drop(page, 'a.txt', 'one walnut\n\ntwo walnuts');
    await told(page, 'Remembered 2 memories');
    await recall(page, 'walnut');
    await page.locator('#list li', { hasText: 'one' }).getByRole('button', { name: 'Forget' }).click();
    await count(page, /^1 memory/);
    assert.deepEqual(await recall(page, 'walnut'), ['two walnuts']);
    await page.reload();
    await ready(page);
    assert.deepEqual(await recall(page, 'walnut'), ['two walnuts']);
});

test('lists page by page, and a query of marks only is no error', async (profile) => {
    const page = await profile.page();
    await ready(page);
    await drop(page, 'many.txt', Array.from({ length: 45 }, (_, i) => `entry number ${i}`).join('\n\n'));
    await told(page, 'Remembered 45 memories');
    for (const shown of [20, 40, 45]) {
        await page.waitForFunction((n) => document.querySelectorAll('#list li').length === n, shown);
        if (shown < 45) {
            await page.click('#more');
        }
    }
    await page.locator('#more').waitFor({ state: 'hidden' });
    await page.fill('#query', '?!');
    await page.locator('#timing', { hasText: 'Type a word.' }).waitFor();
    assert.equal(await page.locator('#problem').isVisible(), false);
});

test('a second tab says that it is busy, and gets the notes when the first is closed', async (profile) => {
    const first = await profile.page();
    await ready(first);
    await drop(first, 'a.txt', 'walnut');
    await told(first, 'Remembered 1 memory');
    const second = await profile.page();
    await second.locator('#problem', { hasText: 'open in another tab' }).waitFor();
    await first.close();
    await second.click('#retry');
    await ready(second);
    assert.deepEqual(await recall(second, 'walnut'), ['walnut']);
});

test('without OPFS the page says what it takes', async (profile) => {
    const page = await profile.page(() => {
        Object.defineProperty(StorageManager.prototype, 'getDirectory', { value: undefined });
    });
    await page.locator('#problem', { hasText: /no origin-private file system.*https or localhost.*private/ }).waitFor();
    assert.equal(await page.locator('#query').isDisabled(), true);
});

test('a used-up quota is told; what was there stays; it goes on when there is space', async (profile) => {
    const page = await profile.page();
    await ready(page);
    await drop(page, 'a.txt', 'walnut');
    await told(page, 'Remembered 1 memory');
    const cdp = await profile.context.newCDPSession(page);
    const origin = new URL(profile.url).origin;
    const { usage } = await page.evaluate(() => navigator.storage.estimate());
    await cdp.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: usage + 4096 });
    const big = Array.from({ length: 3000 }, (_, i) => `${i} ${'many words that fill the log '.repeat(30)}`);
    await drop(page, 'big.txt', big.join('\n\n'));
    await page.locator('#problem', { hasText: 'no more space' }).waitFor();
    assert.deepEqual(await recall(page, 'walnut'), ['walnut']);
    await cdp.send('Storage.overrideQuotaForOrigin', { origin });
    await drop(page, 'b.txt', 'pecan');
    await told(page, 'Remembered 1 memory');
    await page.reload();
    await ready(page);
    assert.deepEqual(await recall(page, 'walnut'), ['walnut']);
    assert.deepEqual(await recall(page, 'pecan'), ['pecan']);
});

/* ---- The package ------------------------------------------------------------------------------- */

test('values, versions, iterators, errors and signals pass through the worker', async (profile) => {
    const page = await profile.page();
    await openDatabase(page, ':memory:');
    const seen = await page.evaluate(async () => {
        const { float, NotFound, StrataError } = await import('strata-db');
        const value = { int: 1, big: 2n ** 60n, float: float(2), text: 'é🦉', bytes: new Uint8Array([1, 2]), none: null };
        const version = await db.kv.put('a', value);
        await Promise.all(Array.from({ length: 600 }, (_, i) => db.kv.put(`n/${i}`, i)));
        let listed = 0;
        for await (const entry of db.kv.list({ prefix: 'n/' })) {
            listed += entry.value;
        }
        const missing = await db.kv.get('nothing').catch((error) => error);
        const aborted = await db.kv.get('a', { signal: AbortSignal.abort() }).catch((error) => error.name);
        const head = await db.events.append('x', { y: 1 }).then(() => db.events.head());
        await db.close();
        const closed = await db.kv.get('a').catch((error) => error.code);
        return {
            version: typeof version,
            value: await (async () => value.float instanceof Object)(),
            listed,
            missing: missing instanceof NotFound && missing instanceof StrataError && missing.code,
            aborted,
            hash: head.hash instanceof Uint8Array && head.hash.length,
            closed,
        };
    });
    assert.deepEqual(seen, {
        version: 'bigint',
        value: true,
        listed: (599 * 600) / 2,
        missing: 'not_found',
        aborted: 'AbortError',
        hash: 32,
        closed: 'closed',
    });
});

test('transactions pass through the worker: whole or not at all, run again after a conflict', async (profile) => {
    const page = await profile.page();
    await openDatabase(page, 'opfs:bank', { durability: 'strict' });
    const seen = await page.evaluate(async () => {
        const { Conflict } = await import('strata-db');
        await db.kv.put('a', 100);
        await db.kv.put('b', 0);
        let tries = 0;
        let met = 0;
        let meet;
        const both = new Promise((resolve) => (meet = resolve));
        const move = (amount) => async (tx) => {
            tries++;
            const [a, b] = await Promise.all([tx.kv.get('a'), tx.kv.get('b')]);
            if (++met === 2) {
                meet();
            }
            await both;
            await tx.kv.put('a', a - amount);
            await tx.kv.put('b', b + amount);
            await tx.events.append('moved', { amount });
        };
        await Promise.all([db.transaction(move(30)), db.transaction(move(12))]);
        const refused = await db.transaction(move(1), { retries: 0, signal: AbortSignal.abort() }).catch(({ name }) => name);
        const conflict = await db
            .transaction(
                async (tx) => {
                    await tx.kv.get('a');
                    await db.kv.put('a', 58);
                    await tx.kv.put('b', 0);
                },
                { retries: 0 },
            )
            .catch((error) => error instanceof Conflict && error.details.key);
        const thrown = await db
            .transaction(async (tx) => {
                await tx.kv.put('b', 0);
                const savepoint = await tx.savepoint();
                await tx.rollbackTo(savepoint);
                throw new Error('mine');
            })
            .catch(({ message }) => message);
        const left = await db.begin();
        await left.kv.put('b', 0); // open when the page is reloaded
        return { tries, refused, conflict, thrown };
    });
    assert.deepEqual(seen, { tries: 3, refused: 'AbortError', conflict: 'a', thrown: 'mine' });
    await page.reload();
    await openDatabase(page, 'opfs:bank');
    const after = await page.evaluate(async () => {
        const events = [];
        for await (const { payload } of db.events.range()) {
            events.push(payload.amount);
        }
        const values = [await db.kv.get('a'), await db.kv.get('b')];
        await db.close();
        return { values, events: events.sort() };
    });
    assert.deepEqual(after, { values: [58, 42], events: [12, 30] });
});

test('a database larger than its memory: tables in OPFS, merged, reloaded, read back, verified', async (profile) => {
    const page = await profile.page();
    const open = async () => {
        await page.evaluate(async () => {
            const { open } = await import('strata-db');
            window.lines = [];
            const onLog = ({ message, fields }) => lines.push(`${message} ${fields}`);
            window.db = await open('opfs:large', { memoryBytes: 1 << 20, walSegmentBytes: 1 << 20, onLog });
            window.KEYS = 6000;
            window.keyOf = (i) => `key/${(i * 7919) % KEYS}`;
            window.contentOf = (seed) => {
                const bytes = new Uint8Array(2000);
                let state = seed;
                for (let i = 0; i < bytes.length; i++) {
                    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
                    bytes[i] = state >>> 24;
                }
                return bytes;
            };
            /* Files that the database has open, spare ones too. */
            window.slots = async () => {
                const root = await navigator.storage.getDirectory();
                const folder = await (await root.getDirectoryHandle('strata')).getDirectoryHandle('db-large');
                let count = 0;
                for await (const name of folder.keys()) {
                    count += name.startsWith('slot-') ? 1 : 0;
                }
                return count;
            };
        });
    };
    await open();
    const slots = await page.evaluate(async () => {
        for (let i = 0; i < KEYS; i += 100) {
            await Promise.all(Array.from({ length: 100 }, (_, j) => db.kv.put(keyOf(i + j), contentOf(i + j))));
        }
        await db.kv.delete(keyOf(1));
        await db.memory.remember('The ferry leaves at nine.', { key: 'ferry' });
        await db.sync();
        return lines.length > 0 ? lines : window.slots();
    });
    assert.ok(slots > 60, `${slots} slots`);
    for (const times of ['after a reload', 'all of it merged at once', 'and a second one']) {
        if (times.startsWith('all')) {
            const refused = await page.evaluate(async () => {
                const { name } = await db.snapshots.create('before');
                const { versionsRemoved } = await db.compact();
                const refused = await Promise.all([db.backup('copy'), db.export('x.zst')].map((copy) => copy.catch(({ code }) => code)));
                await db.snapshots.delete('before');
                return [name, versionsRemoved, ...refused];
            });
            assert.deepEqual(refused, ['before', 0, 'invalid_argument', 'invalid_argument']);
        } else {
            await page.reload();
            await open();
        }
        const seen = await page.evaluate(async () => {
            const wrong = [];
            for (let i = 0; i < KEYS; i += 100) {
                const keys = Array.from({ length: 100 }, (_, j) => i + j);
                const values = await Promise.all(keys.map((i) => db.kv.get(keyOf(i), { default: null })));
                values.forEach((value, j) => {
                    if (String(value) !== (i + j === 1 ? 'null' : String(contentOf(i + j)))) {
                        wrong.push(i + j);
                    }
                });
            }
            let listed = 0;
            for await (const { value } of db.kv.list({ prefix: 'key/5' })) {
                listed += value.length;
            }
            const { valid, problems } = await db.verify();
            const hits = (await db.memory.recall('ferries')).hits.map(({ key }) => key);
            return { wrong, listed, count: await db.kv.count(), valid, problems, hits, lines, slots: await window.slots() };
        });
        assert.ok(seen.slots < 4 * slots, `${seen.slots} slots ${times}, ${slots} before`);
        delete seen.slots;
        const expected = { wrong: [], listed: 1111 * 2000, count: 5999, valid: true, problems: [], hits: ['ferry'], lines: [] };
        assert.deepEqual(seen, expected, times);
    }
});

/** An export of 300 keys of 1000 random bytes and a memory; the database is made in Node. */
async function exportInNode() {
    const folder = mkdtempSync(join(tmpdir(), 'strata-browser-'));
    try {
        const db = await openInNode(':memory:');
        for (let i = 0; i < 300; i++) {
            await db.kv.put(`k${i}`, crypto.getRandomValues(new Uint8Array(1000)));
        }
        await db.kv.put('k0', 'old');
        await db.kv.put('k0', 'new');
        await db.memory.remember('The ferry leaves at nine.', { key: 'ferry' });
        await db.export(join(folder, 'x.strata.zst'));
        await db.close();
        return readFileSync(join(folder, 'x.strata.zst'));
    } finally {
        rmSync(folder, { recursive: true });
    }
}

test('an export made elsewhere becomes a database, as a file, bytes or a stream', async (profile) => {
    const page = await profile.page();
    const seen = await page.evaluate(
        async (base64) => {
            const { open } = await import('strata-db');
            const code = ({ code }) => code;
            const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
            const sources = [() => new File([bytes], 'x.strata.zst'), () => bytes, () => new Blob([bytes]).stream()];
            const results = [];
            for (const [i, source] of sources.entries()) {
                const target = `opfs:imported-${i}`;
                const broken = await open(target, { import: bytes.subarray(0, bytes.length - 9) }).catch(code);
                const made = await open(target, { import: source() });
                await made.close();
                const again = await open(target, { import: source() }).catch(code);
                const db = await open(target, { mustExist: true });
                const k0 = [];
                for await (const { value } of db.kv.history('k0')) {
                    k0.push(typeof value === 'string' ? value : value.length);
                }
                const hits = (await db.memory.recall('ferries')).hits.map(({ key }) => key);
                const { valid } = await db.verify();
                results.push({ broken, again, k0, count: await db.kv.count(), hits, valid });
                await db.close();
            }
            return [...results, await open(':memory:', { import: bytes }).catch(code), await open('opfs:x', { import: 'a' }).catch(code)];
        },
        (await exportInNode()).toString('base64'),
    );
    const one = { broken: 'corrupt', again: 'already_exists', k0: ['new', 'old', 1000], count: 300, hits: ['ferry'], valid: true };
    assert.deepEqual(seen, [one, one, one, 'invalid_argument', 'invalid_argument']);
});

test('opening reports progress and whether the data will be kept', async (profile) => {
    const page = await profile.page();
    await openDatabase(page, 'opfs:many');
    const seen = await page.evaluate(async () => {
        const { open } = await import('strata-db');
        const texts = Array.from({ length: 5000 }, (_, i) => db.memory.remember(`memory number ${i} of some thousands`));
        await Promise.all(texts);
        await db.close();
        const stages = new Map();
        const again = await open('opfs:many', { onProgress: ({ stage, done, total }) => stages.set(stage, [done, total]) });
        const { memories } = await again.stats();
        const persisted = await again.persisted;
        await again.close();
        return { memories, persisted: typeof persisted, stages: [...stages] };
    });
    assert.equal(seen.memories, 5000);
    assert.equal(seen.persisted, 'boolean');
    const stages = new Map(seen.stages);
    assert.ok(stages.has('index') && stages.has('recover'), JSON.stringify(seen.stages));
    assert.deepEqual(stages.get('index'), [5000, 5000]);
});

/* Eight writers under 'strict', each telling every key that was acknowledged, so that some write is under
 * way at any moment. */
async function writeUntil(page, acknowledged) {
    const acked = [];
    let enough;
    const written = new Promise((resolve) => (enough = resolve));
    await page.exposeFunction('acknowledge', (key) => {
        acked.push(key);
        if (acked.length >= acknowledged) {
            enough();
        }
    });
    await openDatabase(page, 'opfs:crash', { durability: 'strict' });
    await page.evaluate(() => {
        const write = async (writer) => {
            for (let i = 0; ; i++) {
                const { key } = await db.memory.remember(`walnut number ${i}`, { key: `${writer}/${i}` });
                await window.acknowledge(key);
            }
        };
        for (let writer = 0; writer < 8; writer++) {
            write(writer).catch((error) => (window.ended = error.code));
        }
    });
    await written;
    return acked;
}

async function assertAllThere(page, acked) {
    await openDatabase(page, 'opfs:crash', { durability: 'strict' });
    const { keys, valid, recalled } = await page.evaluate(async () => {
        const keys = [];
        for await (const { key } of db.memory.list()) {
            keys.push(key);
        }
        const { valid } = await db.verify();
        const { stats } = await db.memory.recall('walnut');
        await db.close();
        return { keys, valid, recalled: stats.candidates };
    });
    const there = new Set(keys);
    assert.deepEqual(acked.filter((key) => !there.has(key)), [], 'acknowledged and lost');
    assert.equal(recalled, keys.length);
    assert.equal(valid, true);
}

test('worker killed mid-write: calls end as unavailable, acknowledged memories are there', async (profile) => {
    const page = await profile.page();
    const acked = await writeUntil(page, 200);
    const workers = page.workers();
    assert.equal(workers.length, 2, 'of the page and of this test');
    await Promise.all(workers.map((worker) => worker.evaluate(() => self.close()).catch(() => undefined)));
    await page.waitForFunction(() => window.ended !== undefined);
    assert.equal(await page.evaluate(() => window.ended), 'unavailable');
    await assertAllThere(page, acked);
});

test('tab closed mid-write: acknowledged memories are there', async (profile) => {
    const page = await profile.page();
    const acked = await writeUntil(page, 200);
    await page.close({ runBeforeUnload: false });
    await assertAllThere(await profile.page(), acked);
});

test('browser killed mid-write: acknowledged memories are there', async (profile) => {
    const page = await profile.page();
    const acked = await writeUntil(page, 200);
    const cdp = await profile.context.newCDPSession(page);
    const gone = new Promise((resolve) => profile.context.once('close', resolve));
    await cdp.send('Browser.crash').catch(() => undefined);
    await gone;
    profile.context = undefined;
    await assertAllThere(await profile.page(), acked);
});

await runAll();
