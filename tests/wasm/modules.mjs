/* modules.mjs - proves what docs/wasm.md promises of strata.wasm and strata-wasi.wasm, under Node.
 *
 * 1. Each module imports and exports what the page lists, and nothing else.
 * 2. Whatever bytes come in through the ABI, an error comes back and the module goes on.
 * 3. The same requests, clock and random bytes give the same files as natively, byte for byte, with
 *    either codec; and each side opens what the other wrote.
 * 4. A full medium is no_space, and the database goes on when there is room.
 * 5. A folder is shared by the native program and the WASI module, one after the other, and each tells
 *    the other that it is busy.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WASI } from 'node:wasi';
import { Abi, loadTable, MemoryHost, moduleOf, rootPath, run, test } from './harness.mjs';

const { encode } = createRequire(new URL('../../js/package.json', import.meta.url))('@msgpack/msgpack');
const scratch = mkdtempSync(join(tmpdir(), 'strata-wasm-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

const ABI = ['_initialize', 'memory', 'strata_abi_close', 'strata_abi_exec', 'strata_abi_open', 'strata_abi_tick',
    'strata_abi_version', 'strata_alloc', 'strata_free', 'strata_response_len', 'strata_response_ptr'];
const HOST_TABLE = ['append', 'close', 'list', 'lock', 'log', 'monotonic_ns', 'open', 'progress', 'random', 'read_at',
    'remove', 'size', 'sync', 'truncate', 'unlock', 'wall_us', 'write_at'];

const namesOf = (list) => list.map((item) => item.name).sort();
const modulesOf = (module) => [...new Set(WebAssembly.Module.imports(module).map((item) => item.module))];

/* ---- 1. Interfaces ------------------------------------------------------------------------------ */

test('strata.wasm imports the host table and exports the ABI, nothing else', () => {
    const module = moduleOf('strata.wasm');
    assert.deepEqual(modulesOf(module), ['strata_host']);
    assert.deepEqual(namesOf(WebAssembly.Module.imports(module)), HOST_TABLE);
    assert.deepEqual(namesOf(WebAssembly.Module.exports(module)), ABI);
});

test('strata-wasi.wasm imports WASI and exports the ABI, nothing else', () => {
    const module = moduleOf('strata-wasi.wasm');
    assert.deepEqual(modulesOf(module), ['wasi_snapshot_preview1']);
    assert.deepEqual(namesOf(WebAssembly.Module.exports(module)), ABI);
});

test('strata-cli.wasm imports WASI and exports _start', () => {
    const module = moduleOf('strata-cli.wasm');
    assert.deepEqual(modulesOf(module), ['wasi_snapshot_preview1']);
    assert.deepEqual(namesOf(WebAssembly.Module.exports(module)), ['_start', 'memory']);
});

/* ---- 2. The ABI ---------------------------------------------------------------------------------- */

test('the version is 1 and memory is aligned to 16', () => {
    const { abi } = loadTable();
    assert.equal(abi.exports.strata_abi_version(), 1);
    const blocks = [0, 1, 7, 8, 9, 15, 16, 17, 100, 1000, 65_536, 3_000_000].map((size) => [abi.exports.strata_alloc(size), size]);
    for (const [ptr, size] of blocks) {
        assert.ok(ptr > 0 && ptr % 16 === 0, `${size} bytes at ${ptr}`);
    }
    for (const [ptr, size] of blocks) {
        abi.exports.strata_free(ptr, size);
    }
    assert.equal(abi.exports.strata_alloc(0xfff00000), 0);
});

const WRONG_OPENS = [
    ['no path', {}, /needs a path/],
    ['an unknown name', { path: ':memory:', pathh: 1 }, /pathh: open has no such option/],
    ['a path that is a number', { path: 1 }, /path must be a string/],
    ['an empty path', { path: '' }, /path must be a string/],
    ['a path with NUL', { path: 'a\0b' }, /path must be a string/],
    ['a long path', { path: 'a'.repeat(4096) }, /path must be a string/],
    ['an unknown durability', { path: ':memory:', durability: 'sometimes' }, /durability must be/],
    ['a durability that is null', { path: ':memory:', durability: null }, /durability must be/],
    ['an unknown codec', { path: ':memory:', codec: 'lz4' }, /codec must be/],
    ['a flag that is an int', { path: ':memory:', read_only: 1 }, /read_only must be true or false/],
    ['a negative interval', { path: ':memory:', sync_interval_ms: -1 }, /sync_interval_ms must be an int/],
    ['an interval of 33 bits', { path: ':memory:', sync_interval_ms: 2 ** 33 }, /sync_interval_ms must be an int/],
    ['a negative segment', { path: ':memory:', wal_segment_bytes: -70_000 }, /wal_segment_bytes must be an int/],
];

test('open refuses what it does not know, and says what', () => {
    const { abi } = loadTable();
    for (const [what, request, message] of WRONG_OPENS) {
        assert.throws(() => abi.open(request), { code: 'invalid_argument', retryable: false }, what);
        assert.match(abi.response()[1].message, message, what);
    }
    const twice = Buffer.concat([Buffer.from([0x82]), encode('path'), encode('a'), encode('path'), encode('b')]);
    assert.equal(abi.openBytes(twice), 0);
    assert.match(abi.response()[1].message, /path is given twice/);
});

test('open survives every cut and every changed byte of a request', () => {
    const { abi } = loadTable();
    const whole = encode({ path: ':memory:', durability: 'memory', codec: 'none', lazy_index: true, value_bytes_max: 1 << 20 });
    for (let len = 0; len < whole.length; len++) {
        assert.equal(abi.openBytes(whole.subarray(0, len)), 0);
        assert.equal(abi.response()[0], false);
    }
    for (let at = 0; at < whole.length; at++) {
        for (const byte of [0x00, 0x7f, 0x81, 0x90, 0xc0, 0xc1, 0xc6, 0xcf, 0xd3, 0xdb, 0xdf, 0xff]) {
            const changed = Uint8Array.from(whole);
            changed[at] = byte;
            const handle = abi.openBytes(changed);
            if (handle !== 0) {
                assert.equal(abi.close(handle), 0);
            }
        }
    }
    assert.ok(abi.open({ path: ':memory:' }) >= 1);
});

test('exec survives every cut of a request and names unknown operations', () => {
    const { abi } = loadTable();
    const handle = abi.open({ path: ':memory:' });
    const whole = encode(['kv.put', { key: 'k', value: { a: [1, -1, 1.5, 'é', null, true, new Uint8Array(3)] } }]);
    for (let len = 0; len < whole.length; len++) {
        assert.notEqual(abi.execBytes(handle, whole.subarray(0, len)), 0);
        const [ok, error] = abi.response();
        assert.equal(ok, false);
        assert.equal(typeof error.message, 'string');
    }
    assert.throws(() => abi.exec(handle, 'kv.putt'), { code: 'invalid_argument' });
    assert.equal(abi.exec(handle, 'kv.exists', { key: 'k' }).exists, false);
    assert.equal(abi.execBytes(handle, whole), 0);
    assert.deepEqual(abi.exec(handle, 'kv.get', { key: 'k' }).value.a.slice(0, 4), [1, -1, 1.5, 'é']);
});

test('handles are told apart, and a closed one is refused', () => {
    const { abi } = loadTable();
    const first = abi.open({ path: ':memory:' });
    const second = abi.open({ path: ':memory:' });
    assert.notEqual(first, second);
    abi.exec(first, 'kv.put', { key: 'k', value: 1 });
    assert.throws(() => abi.exec(second, 'kv.get', { key: 'k' }), { code: 'not_found' });
    assert.equal(abi.exports.strata_abi_tick(first, 1000), 0);
    assert.equal(abi.close(first), 0);
    assert.deepEqual(abi.response(), [true, {}]);
    for (const handle of [first, 0, -1, 65, 2 ** 31 - 1]) {
        assert.throws(() => abi.exec(handle, 'db.stats'), { code: 'closed' });
        assert.equal(abi.close(handle), 21);
        assert.equal(abi.exports.strata_abi_tick(handle, 1000), 21);
    }
    assert.equal(abi.exec(second, 'kv.count').count, 0);
});

test('64 databases may be open, and the next is refused until one is closed', () => {
    const { abi } = loadTable();
    const handles = Array.from({ length: 64 }, () => abi.open({ path: ':memory:' }));
    assert.throws(() => abi.open({ path: ':memory:' }), { code: 'busy', retryable: true });
    assert.equal(abi.close(handles[10]), 0);
    assert.equal(abi.open({ path: ':memory:' }), handles[10]);
});

test('the second opener of a folder is told who has it', () => {
    const { abi } = loadTable();
    abi.open({ path: 'd' });
    assert.throws(() => abi.open({ path: 'd' }), (error) => error.code === 'busy' && /another handle/.test(JSON.stringify(error)));
});

/* ---- 3. The same bytes ---------------------------------------------------------------------------- */

/* Requests of every kind of commit, several log segments long. */
function imageRequests() {
    const words = 'the agent asked which tool wrote this file and the tool said it had run twice on Tuesday naïve Straße 東京 и снова'.split(' ');
    let state = 12345;
    const next = (bound) => {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        return (state >>> 8) % bound;
    };
    const text = (count) => Array.from({ length: count }, () => words[next(words.length)]).join(' ');
    const requests = [['run.create', { name: 'other', tags: ['a', 'b'], metadata: { n: 1 } }]];
    for (let i = 0; i < 1000; i++) {
        const scope = next(3) === 0 ? { run: 'other' } : {};
        requests.push(['kv.put', { ...scope, key: `k${next(50)}`, value: { i, ratio: i / 7, text: text(next(2000)) } }]);
        requests.push(['memory.remember', { ...scope, text: text(5 + next(300)), tags: ['t'], ...(next(2) ? { key: `m${next(99)}` } : {}) }]);
        requests.push(['event.append', { ...scope, type: 'step', payload: { i, said: text(next(20)) } }]);
        if (next(10) === 0) {
            requests.push(['kv.delete', { key: `k${next(50)}` }], ['memory.forget', { key: `m${next(99)}` }]);
        }
    }
    requests.push(['kv.incr', { key: 'count', by: 3 }], ['memory.recall', { query: 'agent tool Tuesday', k: 20 }],
        ['memory.recall', { query: '東京 Strasse снова', k: 20 }], ['event.verify', {}], ['run.complete', { name: 'other' }],
        ['kv.list', { limit: 1000 }], ['db.sync', {}], ['db.verify', {}]);
    return requests;
}

/* The files of a folder by path, the lock left out. */
function readFolder(folder, prefix = '') {
    const files = new Map();
    for (const name of readdirSync(join(folder, prefix))) {
        const path = join(prefix, name);
        if (statSync(join(folder, path)).isDirectory()) {
            for (const [inner, bytes] of readFolder(folder, path)) {
                files.set(inner, bytes);
            }
        } else if (!name.startsWith('LOCK')) {
            files.set(path, readFileSync(join(folder, path)));
        }
    }
    return files;
}

function filesOf(host, folder) {
    const files = new Map();
    for (const [path, file] of host.files) {
        files.set(path.slice(folder.length + 1), Buffer.from(file.bytes.subarray(0, file.size)));
    }
    return files;
}

const sorted = (files) => [...files.keys()].sort();

/* JSON of responses as JavaScript sees them: its numbers cannot tell 1.0 from 1. */
const responsesOf = (text) => text.trim().split('\n').map((line) => JSON.parse(line));
const normal = (value) => JSON.parse(JSON.stringify(value, (_, item) =>
    item instanceof Uint8Array ? { $bytes: Buffer.from(item).toString('base64') } : item));

for (const codec of ['none', 'zstd']) {
    test(`the same requests give the same answers and the same bytes natively (codec ${codec})`, () => {
        const requests = imageRequests();
        const cwd = join(scratch, codec);
        mkdirSync(cwd);
        const output = execFileSync(join(rootPath, 'build/tests/wasm/image'), ['image.strata', codec], {
            cwd,
            input: requests.map((request) => `${JSON.stringify(request)}\n`).join(''),
            maxBuffer: 1 << 28,
            encoding: 'utf8',
        });
        const { abi, host } = loadTable();
        const handle = abi.open({ path: 'image.strata', codec, wal_segment_bytes: 1 << 20 });
        const responses = requests.map((request) => {
            abi.execBytes(handle, encode(request));
            return normal(abi.response());
        });
        assert.equal(abi.close(handle), 0);
        assert.deepEqual(responses, responsesOf(output));
        assert.deepEqual(responses.filter(([ok]) => !ok), []);

        const native = readFolder(join(cwd, 'image.strata'));
        const wasm = filesOf(host, 'image.strata');
        assert.ok(native.size >= 3, `only ${native.size} files`);
        assert.deepEqual(sorted(wasm), sorted(native));
        for (const [path, bytes] of native) {
            assert.ok(bytes.equals(wasm.get(path)), `${path} differs`);
        }
    });

    test(`strata.wasm opens what was written natively (codec ${codec})`, () => {
        const { abi, host } = loadTable();
        for (const [path, bytes] of readFolder(join(scratch, codec, 'image.strata'))) {
            host.files.set(`x/${path}`, { bytes: Uint8Array.from(bytes), size: bytes.length });
        }
        const handle = abi.open({ path: 'x', must_exist: true });
        assert.equal(abi.exec(handle, 'db.stats').codec, codec);
        assert.equal(abi.exec(handle, 'kv.get', { key: 'count' }).value, 3);
        assert.equal(abi.exec(handle, 'event.verify').valid, true);
        assert.equal(abi.exec(handle, 'db.verify').valid, true);
        assert.equal(abi.exec(handle, 'memory.recall', { query: 'Tuesday', k: 5 }).hits.length, 5);
    });
}

/* ---- 4. Faults of the host ------------------------------------------------------------------------- */

test('a full medium is no_space; the database stays readable and goes on', () => {
    const { abi, host } = loadTable();
    const handle = abi.open({ path: 'd', wal_segment_bytes: 1 << 20 });
    abi.exec(handle, 'kv.put', { key: 'first', value: 1 });
    host.capacity = 3 << 20;
    let written = 0;
    const value = 'x'.repeat(200_000);
    assert.throws(() => {
        for (; written < 100; written++) {
            abi.exec(handle, 'kv.put', { key: `k${written}`, value });
        }
    }, { code: 'no_space', retryable: true });
    assert.ok(written > 0);
    assert.equal(abi.exec(handle, 'kv.get', { key: 'first' }).value, 1);
    assert.equal(abi.exec(handle, 'kv.count').count, written + 1);
    host.capacity = Infinity;
    abi.exec(handle, 'kv.put', { key: 'last', value });
    assert.equal(abi.close(handle), 0);
    const again = abi.open({ path: 'd', must_exist: true });
    assert.equal(abi.exec(again, 'kv.count').count, written + 2);
});

test('a host that breaks its word is an error of io, and does no harm', () => {
    const { abi, host } = loadTable();
    const written = abi.open({ path: 'd' });
    abi.exec(written, 'kv.put', { key: 'k', value: 'v' });
    assert.equal(abi.close(written), 0);
    const unended = (folder, len, ptr) => {
        new Uint8Array(abi.exports.memory.buffer).set([97, 98, 99], ptr);
        return 3;
    };
    const lies = [['open', () => -1000], ['read_at', () => 2 ** 30], ['read_at', () => -99], ['size', () => NaN],
        ['size', () => -99], ['list', unended], ['list', () => -99], ['lock', () => -99], ['random', () => -99]];
    for (const [name, lie] of lies) {
        let told = 0;
        host[name] = (...args) => {
            told++;
            return lie(...args);
        };
        const handle = abi.openBytes(encode({ path: 'd' }));
        assert.ok(told > 0, `open does not call ${name}`);
        assert.equal(handle, 0, `${name}: ${lie}`);
        assert.equal(abi.response()[1].code, 'io', `${name}: ${lie}`);
        delete host[name];
    }
    assert.equal(abi.exec(abi.open({ path: 'd' }), 'kv.get', { key: 'k' }).value, 'v');
});

/* ---- 5. One folder, two hosts ------------------------------------------------------------------------ */

function loadWasi(folder) {
    const wasi = new WASI({ version: 'preview1', preopens: { '/data': folder } });
    const instance = new WebAssembly.Instance(moduleOf('strata-wasi.wasm'), wasi.getImportObject());
    wasi.initialize({ exports: { memory: instance.exports.memory } });
    return new Abi(instance.exports);
}

const strata = (...args) => execFileSync(join(rootPath, 'build/strata'), args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const native = (path, name, args = {}) => JSON.parse(strata('--db', path, 'exec', name, JSON.stringify(args)));

test('strata-wasi.wasm answers db.stats and reports its alignment', () => {
    const abi = loadWasi(scratch);
    const handle = abi.open({ path: ':memory:' });
    assert.equal(abi.exec(handle, 'db.stats').durability, 'memory');
    assert.equal(abi.exports.strata_alloc(24) % 16, 0);
});

test('native and WASI write the same folder in turn', () => {
    const path = join(scratch, 'shared');
    native(path, 'kv.put', { key: 'by', value: 'native' });
    const abi = loadWasi(scratch);
    const handle = abi.open({ path: '/data/shared' });
    assert.equal(abi.exec(handle, 'kv.get', { key: 'by' }).value, 'native');
    abi.exec(handle, 'kv.put', { key: 'by', value: 'wasi' });
    abi.exec(handle, 'memory.remember', { key: 'm', text: 'written under WASI' });
    assert.throws(() => native(path, 'kv.put', { key: 'by', value: 'both' }), (error) => error.status === 5 && /WASI/.test(error.stderr));
    assert.equal(abi.close(handle), 0);
    assert.equal(native(path, 'kv.get', { key: 'by' }).value, 'wasi');
    assert.equal(native(path, 'memory.recall', { query: 'WASI' }).hits[0].key, 'm');
});

test('WASI finds a folder busy whose LOCK names somebody', () => {
    const path = join(scratch, 'taken');
    native(path, 'kv.put', { key: 'k', value: 1 });
    const lock = join(path, 'LOCK');
    assert.equal(statSync(lock).size, 0, 'the native program emptied it');
    const abi = loadWasi(scratch);
    for (const [text, who] of [['4711 1234 0-0\n', /process 4711/], ['wasi\n', /WASI process/]]) {
        writeFileSync(lock, text);
        assert.throws(() => abi.open({ path: '/data/taken' }), (error) => error.code === 'busy' && who.test(JSON.stringify(error)));
        assert.equal(readFileSync(lock, 'utf8'), text);
    }
    writeFileSync(lock, '');
    assert.equal(abi.close(abi.open({ path: '/data/taken' })), 0);
    assert.equal(statSync(lock).size, 0);
    assert.deepEqual(readdirSync(path).filter((name) => name.startsWith('LOCK')), ['LOCK']);
});

await run();
