/* Proves that embeddings are found alike everywhere: the same commits and merges, made natively, in Node and in
 * Chromium, give the same keys in the same order, the same versions, the same scores to the last bit, by the same walk
 * through the same graph: what a search has compared and fetched is compared, too.
 *
 * Collections of each metric, with codes of both kinds, are filled, merged into graphs, changed, merged again and
 * changed again; asked about now and as of both moments before, with filters of one in ten and one in two, and
 * exactly; then the database is opened again, with the index from its files, and asked once more. All numbers are
 * whole multiples of 1/1024, made by integer arithmetic. Natively it is a host without threads (answers.c says why);
 * merges happen where the script compacts, and no head is full, few entries have ended and few are new in between, so that no
 * tick merges.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { open as openInNode } from '../../js/dist/node.js';
import { test } from './harness.mjs';

const NATIVE = fileURLToPath(new URL('../../build/tests/browser/answers', import.meta.url));
const COLLECTIONS = [
    { name: 'a', dimension: 32, metric: 'cosine' },
    { name: 'b', dimension: 24, metric: 'euclidean', seed: 7 },
    { name: 'c', dimension: 12, metric: 'dot' },
];
const ENTRIES = 2200;
const COMMIT = 200;
const CHANGES = 200; // less than idle hands merge; with DELETES less than an eighth of the entries
const DELETES = 60;
const CENTRES = 40;
const QUERIES = 12;

/* ---- The script: lines of JSON ----------------------------------------------------------------- */

/** Xorshift of 32 bits; 0 <= number < limit. */
function chance(seed) {
    let state = seed;
    return (limit) => {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        return (state >>> 0) % limit;
    };
}

/** Embeddings around centres. */
function source(seed, dimension) {
    const below = chance(seed);
    const centres = Array.from({ length: CENTRES }, () => Array.from({ length: dimension }, () => below(2048) - 1024));
    return () => {
        const centre = centres[below(CENTRES)];
        return centre.map((number) => (number + below(800) - 400) / 1024);
    };
}

const line = (op, args) => JSON.stringify([op, args]);
const search = (collection, embedding, options) =>
    line('vector.search', { collection, embedding, metadata: false, ...options });

function put(collection, keys, next) {
    const entry = (i) => ({ key: `k${i}`, embedding: next(), metadata: { tenth: i % 10, half: i % 2 } });
    return line('vector.upsert_many', { collection, entries: keys.map(entry) });
}

function* fill(collection, next) {
    yield line('vector.create', collection);
    for (let first = 0; first < ENTRIES; first += COMMIT) {
        yield put(collection.name, Array.from({ length: COMMIT }, (_, i) => first + i), next);
    }
    yield search(collection.name, next(), {}); // the index begins with it
}

function* change(collection, next, below) {
    const first = below(ENTRIES);
    yield put(collection, Array.from({ length: CHANGES }, (_, i) => (first + i * 7) % ENTRIES), next);
    for (let i = 0; i < DELETES; i++) {
        yield line('vector.delete', { collection, key: `k${below(ENTRIES)}` });
    }
}

/** Of now, and of those versions. */
function* questions(collection, next, versions) {
    for (let q = 0; q < QUERIES; q++) {
        const embedding = next();
        for (const when of [{}, ...versions.map((as_of) => ({ as_of }))]) {
            yield search(collection, embedding, when);
            yield search(collection, embedding, { ...when, filter: { path: '/metadata/tenth', eq: q % 10 } });
            yield search(collection, embedding, { ...when, filter: { path: '/metadata/half', eq: 1 }, effort: 200 });
        }
        yield search(collection, embedding, { k: 30, exact: true });
    }
}

function* wholeScript(answers) {
    const below = chance(99);
    const sources = COLLECTIONS.map(({ dimension }, i) => source(i + 1, dimension));
    const versions = [];
    for (const [i, collection] of COLLECTIONS.entries()) {
        yield* fill(collection, sources[i]);
    }
    for (let round = 0; round < 2; round++) {
        yield line('kv.put', { key: 'round', value: round });
        versions.push(Number(answers.at(-1).version));
        yield line('db.compact', {});
        for (const [i, { name }] of COLLECTIONS.entries()) {
            yield* change(name, sources[i], below);
        }
    }
    const asked = COLLECTIONS.flatMap(({ name }, i) => [...questions(name, sources[i], versions)]);
    yield* asked;
    yield '"reopen"';
    yield* asked;
}

/** The lines, one by one, which are noted; the answers so far tell the versions. */
function* script(lines, answers) {
    for (const next of wholeScript(answers)) {
        lines.push(next);
        yield next;
    }
}

/* ---- The hosts --------------------------------------------------------------------------------- */

/** Runs lines on a database of the package; in Node and, as text, in the page. */
async function run(open, target, lines, answers = []) {
    let db = await open(target);
    for (const line of lines) {
        const request = JSON.parse(line);
        if (request === 'reopen') {
            await db.close();
            db = await open(target);
            answers.push({});
        } else {
            answers.push(await db.exec(request[0], request[1]));
        }
    }
    await db.close();
    return JSON.stringify(answers, (_, value) => (typeof value === 'bigint' ? Number(value) : value));
}

function runNatively(folder, lines) {
    const { status, stdout, stderr } = spawnSync(NATIVE, [folder], {
        input: `${lines.join('\n')}\n`,
        encoding: 'utf8',
        maxBuffer: 1 << 28,
    });
    assert.equal(status, 0, stderr);
    return stdout.trim().split('\n').map((text) => {
        const [ok, content] = JSON.parse(text);
        assert.ok(ok, text);
        return content;
    });
}

async function runInPage(page, lines) {
    const text = await page.evaluate(
        async ([run, lines]) => {
            const { open } = await import('strata-db');
            return new Function('open', 'target', 'lines', `return (${run})(open, target, lines)`)(open, 'opfs:nearest', JSON.parse(lines));
        },
        [String(run), JSON.stringify(lines)],
    );
    return JSON.parse(text);
}

/** Of each search what it found, and how. */
function found(lines, answers) {
    assert.equal(answers.length, lines.length);
    return answers.flatMap(({ hits, stats }, i) => (hits ? [{ asked: lines[i].slice(0, 60), hits, stats }] : []));
}

test('embeddings are found alike natively, in Node and in Chromium', async (profile) => {
    const folder = mkdtempSync(join(tmpdir(), 'strata-nearest-'));
    try {
        const lines = [];
        const answers = [];
        const inNode = found(lines, JSON.parse(await run(openInNode, `file:${join(folder, 'node')}`, script(lines, answers), answers)));
        const native = found(lines, runNatively(join(folder, 'native'), lines));
        const inPage = found(lines, await runInPage(await profile.page(), lines));
        assert.equal(native.length, COLLECTIONS.length * (1 + 2 * QUERIES * 10));
        assert.ok(native.every(({ hits }) => hits.length >= 10));
        assert.ok(native.filter(({ stats }) => stats.walked > 0).length > native.length / 4);
        assert.deepEqual(inNode, native);
        assert.deepEqual(inPage, native);
    } finally {
        rmSync(folder, { recursive: true });
    }
});
