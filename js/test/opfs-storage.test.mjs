/* Proves that the pool of slots behaves like a folder of files: across reopening, after a crash at any
 * call, when the quota is used up, and with damaged headers.
 *
 * The device is a folder in memory with the few functions of OPFS that are used. It counts writes, and
 * can end (every later call throws, as when the worker is killed) or be full from the n-th on. The real
 * OPFS is used by tests/browser. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeHeader, OpfsStorage, readHeader } from '../dist/esm/hosts/opfs.js';

const WRITE = 1;
const CREATE = 2;
const EXCLUSIVE = 4;
const text = (string) => new TextEncoder().encode(string);

class Device {
    files = new Map();
    calls = 0;
    opened = 0;
    closed = 0;
    endAt = Infinity;
    quota = Infinity;

    used() {
        return [...this.files.values()].reduce((sum, bytes) => sum + bytes.length, 0);
    }

    directory() {
        const device = this;
        const file = (name) => ({
            kind: 'file',
            name,
            createSyncAccessHandle: async () => new Handle(device, name),
        });
        return {
            async *entries() {
                for (const name of device.files.keys()) {
                    yield [name, file(name)];
                }
            },
            async getFileHandle(name) {
                await undefined; // as a browser: others go on meanwhile
                device.step();
                device.files.set(name, device.files.get(name) ?? new Uint8Array(0));
                return file(name);
            },
        };
    }

    step() {
        if (++this.calls >= this.endAt) {
            throw new Error('the worker has ended');
        }
    }

    async open() {
        const storage = new OpfsStorage(this.directory(), 'opfs:t', () => undefined);
        await storage.load();
        return storage;
    }
}

class Handle {
    constructor(device, name) {
        this.device = device;
        this.device.opened++;
        this.name = name;
    }
    get bytes() {
        return this.device.files.get(this.name);
    }
    read(into, { at }) {
        const part = this.bytes.subarray(at, at + into.length);
        into.set(part);
        return part.length;
    }
    write(bytes, { at }) {
        this.device.step();
        this.#grow(at + bytes.length);
        this.bytes.set(bytes, at);
        return bytes.length;
    }
    truncate(size) {
        this.device.step();
        if (size > this.bytes.length) {
            this.#grow(size);
        } else {
            this.device.files.set(this.name, this.bytes.slice(0, size));
        }
    }
    #grow(size) {
        if (size <= this.bytes.length) {
            return;
        }
        if (this.device.used() + size - this.bytes.length > this.device.quota) {
            throw Object.assign(new Error('quota'), { name: 'QuotaExceededError' });
        }
        const grown = new Uint8Array(size);
        grown.set(this.bytes);
        this.device.files.set(this.name, grown);
    }
    getSize() {
        return this.bytes.length;
    }
    flush() {}
    close() {
        this.device.closed++;
    }
}

function put(storage, name, content) {
    const file = storage.open(`opfs:t/${name}`, WRITE | CREATE);
    storage.truncate(file, 0);
    storage.append(file, text(content));
    storage.sync(file);
    storage.close(file);
}

function get(storage, name) {
    const file = storage.open(`opfs:t/${name}`, 0);
    const bytes = new Uint8Array(storage.size(file));
    assert.equal(storage.readAt(file, 0, bytes), bytes.length);
    storage.close(file);
    return new TextDecoder().decode(bytes);
}

const code = (expected) => (error) => {
    assert.equal(error.code, expected, error.message);
    return true;
};

test('files are there after reopening, removed ones are not', async () => {
    const device = new Device();
    const storage = await device.open();
    put(storage, 'MANIFEST', 'm');
    put(storage, 'WAL/wal-1.seg', 'one');
    put(storage, 'WAL/wal-2.seg', 'two');
    storage.remove('opfs:t/WAL/wal-1.seg');
    storage.end();
    const again = await device.open();
    assert.deepEqual(again.list('opfs:t'), ['MANIFEST']);
    assert.deepEqual(again.list('opfs:t/WAL'), ['wal-2.seg']);
    assert.equal(get(again, 'WAL/wal-2.seg'), 'two');
    assert.throws(() => again.open('opfs:t/WAL/wal-1.seg', WRITE), code('not_found'));
    assert.throws(() => again.list('opfs:t/DATA'), code('not_found'));
    assert.throws(() => again.open('opfs:t/MANIFEST', WRITE | CREATE | EXCLUSIVE), code('already_exists'));
    assert.throws(() => again.remove('opfs:t/nothing'), code('not_found'));
});

test('a new database has no folder', async () => {
    const storage = await new Device().open();
    assert.throws(() => storage.list('opfs:t'), code('not_found'));
});

test('offsets do not reach the header or beyond the end', async () => {
    const storage = await new Device().open();
    const file = storage.open('opfs:t/f', WRITE | CREATE);
    storage.writeAt(file, 4, text('abc'));
    assert.equal(storage.size(file), 7);
    const into = new Uint8Array(10);
    assert.equal(storage.readAt(file, 5, into), 2);
    assert.equal(storage.readAt(file, 50, into), 0);
    storage.truncate(file, 5);
    storage.append(file, text('z'));
    assert.equal(get(storage, 'f'), '\0\0\0\0az');
    storage.close(file);
    assert.throws(() => storage.size(file), code('invalid_argument'));
});

test('removing gives the space back, and a slot is used again without old bytes', async () => {
    const device = new Device();
    const storage = await device.open();
    const before = device.used();
    put(storage, 'big', 'x'.repeat(100000));
    storage.remove('opfs:t/big');
    assert.equal(device.used(), before);
    const file = storage.open('opfs:t/new', WRITE | CREATE);
    assert.equal(storage.size(file), 0);
});

test('a removed file can be read until it is closed, and its slot is used again only then', async () => {
    const device = new Device();
    const storage = await device.open();
    put(storage, 'DATA/tab-1.tab', 'old bytes');
    const before = device.used();
    const first = storage.open('opfs:t/DATA/tab-1.tab', 0);
    const second = storage.open('opfs:t/DATA/tab-1.tab', 0);
    storage.remove('opfs:t/DATA/tab-1.tab');
    assert.throws(() => storage.list('opfs:t/DATA'), code('not_found'));
    assert.throws(() => storage.open('opfs:t/DATA/tab-1.tab', 0), code('not_found'));
    assert.throws(() => storage.remove('opfs:t/DATA/tab-1.tab'), code('not_found'));
    for (let i = 0; storage.needsSpares === false; i++) {
        put(storage, `other-${i}`, 'x'.repeat(20));
    }
    put(storage, 'DATA/tab-1.tab', 'NEW'); // another file of that name
    for (const file of [first, second]) {
        const into = new Uint8Array(9);
        assert.equal(storage.readAt(file, 0, into), 9);
        assert.equal(new TextDecoder().decode(into), 'old bytes');
        storage.close(file);
        assert.throws(() => storage.readAt(file, 0, into), code('invalid_argument'));
    }
    assert.equal(get(storage, 'DATA/tab-1.tab'), 'NEW');
    assert.equal([...device.files.values()].filter((bytes) => bytes.length === 4096 + 9).length, 0, 'the space is back');
    assert.ok(device.used() > before);
    storage.end();
    assert.equal(get(await device.open(), 'DATA/tab-1.tab'), 'NEW');
});

test('ended while a removed file was open: it is gone, and its space comes back', async () => {
    const device = new Device();
    const storage = await device.open();
    const before = device.used();
    put(storage, 'f', 'x'.repeat(100000));
    storage.open('opfs:t/f', 0);
    storage.remove('opfs:t/f');
    assert.ok(device.used() >= before + 100000);
    const again = await device.open();
    assert.throws(() => again.open('opfs:t/f', 0), code('not_found'));
    assert.equal(device.used(), before);
});

test('there are spare slots to write every table anew, and twice as many while they are few', async () => {
    const device = new Device();
    const storage = await device.open();
    for (let n = 1; n <= 200; n++) {
        put(storage, `DATA/tab-${n}.tab`, 'x');
        if (storage.needsSpares) {
            await storage.addSpares();
        }
    }
    for (const [there, made] of [[200, 200], [12, 24]]) {
        for (let n = there + 1; n <= 200; n++) {
            storage.remove(`opfs:t/DATA/tab-${n}.tab`);
        }
        const again = await device.open();
        assert.equal(again.list('opfs:t/DATA').length, there);
        for (let n = 0; n < made; n++) {
            put(again, `DATA/new-${n}`, 'x');
        }
        put(again, 'WAL/wal-9.seg', 'x');
        for (let n = 0; n < made; n++) {
            again.remove(`opfs:t/DATA/new-${n}`);
        }
        again.remove('opfs:t/WAL/wal-9.seg');
    }
});

test('when tables take all slots the log still gets one, and next time there are more', async () => {
    const device = new Device();
    const storage = await device.open();
    const fill = () => {
        for (let made = 0; ; made++) {
            try {
                put(storage, `DATA/tab-${made}.tab`, 'x');
            } catch (error) {
                code('no_space')(error);
                return made;
            }
        }
    };
    const first = fill();
    put(storage, 'WAL/wal-2.seg', 'x');
    put(storage, 'MANIFEST', 'x');
    for (let n = 0; n < first; n++) {
        storage.remove(`opfs:t/DATA/tab-${n}.tab`);
    }
    await storage.addSpares();
    assert.ok(fill() > first);
});

test('filling up twice at once, and ending meanwhile, makes no slot too many and leaves none open', async () => {
    const device = new Device();
    const storage = await device.open();
    const slots = device.files.size;
    for (let i = 0; i < 5; i++) {
        put(storage, `f${i}`, 'x');
    }
    await Promise.all([storage.addSpares(), storage.addSpares()]);
    assert.equal(device.files.size - slots, 3 * 5, 'one for each file, and two while they are few');
    for (let i = 0; i < 5; i++) {
        put(storage, `g${i}`, 'x');
    }
    const filling = storage.addSpares();
    storage.end();
    await filling;
    assert.equal(device.opened, device.closed);
});

test('spare slots are filled up; when they run out it is no_space', async () => {
    const device = new Device();
    const storage = await device.open();
    let made = 0;
    assert.throws(() => {
        for (;;) {
            put(storage, `f${made}`, 'x');
            made++;
        }
    }, code('no_space'));
    assert.ok(made >= 6, `${made} files in one request`);
    assert.ok(storage.needsSpares);
    await storage.addSpares();
    assert.equal(storage.needsSpares, false);
    put(storage, 'more', 'x');
});

test('quota used up: no_space, what is there stays, and goes on when there is space', async () => {
    const device = new Device();
    const storage = await device.open();
    put(storage, 'f', 'kept');
    device.quota = device.used();
    const file = storage.open('opfs:t/f', WRITE);
    assert.throws(() => storage.append(file, text('more')), code('no_space'));
    assert.throws(() => storage.truncate(file, 1 << 20), code('no_space'));
    assert.equal(get(storage, 'f'), 'kept');
    put(storage, 'g', ''); // a spare slot has its header already
    await storage.addSpares(); // and says nothing when there is no space for more
    device.quota = Infinity;
    storage.append(file, text(' on'));
    assert.equal(get(storage, 'f'), 'kept on');
});

test('ended at every call: each file is whole, or is not there', async () => {
    const run = (storage) => {
        put(storage, 'a', 'A');
        put(storage, 'b', 'B');
        storage.remove('opfs:t/a');
        put(storage, 'c', 'C');
    };
    const counter = new Device();
    const whole = await counter.open();
    const started = counter.calls;
    run(whole);
    for (let endAt = started + 1; endAt <= counter.calls; endAt++) {
        const device = new Device();
        const storage = await device.open();
        device.endAt = endAt;
        assert.throws(() => run(storage));
        device.endAt = Infinity;
        const after = await device.open();
        for (const [name, content] of [['a', 'A'], ['b', 'B'], ['c', 'C']]) {
            try {
                assert.ok(['', content].includes(get(after, name)), `${name} after ${endAt} calls`);
            } catch (error) {
                code('not_found')(error);
            }
        }
        run(after);
        assert.deepEqual(after.list('opfs:t').sort(), ['b', 'c']);
    }
});

test('a damaged header is set aside, not given out and not overwritten', async () => {
    const device = new Device();
    const storage = await device.open();
    put(storage, 'f', 'precious');
    const [slot] = [...device.files].find(([, bytes]) => bytes.length > 4096);
    device.files.get(slot)[21] ^= 1;
    const before = device.files.get(slot).slice();
    const lines = [];
    const again = new OpfsStorage(device.directory(), 'opfs:t', () => undefined, (line) => lines.push(line));
    await again.load();
    assert.equal(lines.length, 1);
    assert.match(lines[0].fields, new RegExp(slot));
    assert.throws(() => again.open('opfs:t/f', 0), code('not_found'));
    for (let i = 0; i < 8; i++) {
        put(again, `other${i}`, 'x');
    }
    assert.deepEqual(device.files.get(slot), before);
});

test('headers: every bit counts', () => {
    const header = makeHeader('WAL/wal-1.seg');
    assert.equal(readHeader(header), 'WAL/wal-1.seg');
    assert.equal(readHeader(new Uint8Array(4096)), '');
    // Those of the fields and the name, then some of the zeros behind.
    const bits = Array.from({ length: 4096 * 8 }, (_, bit) => bit).filter((bit) => bit < 33 * 8 || bit % 997 === 0);
    for (const bit of bits) {
        const bad = header.slice();
        bad[bit >> 3] ^= 1 << (bit & 7);
        assert.equal(readHeader(bad), undefined, `bit ${bit}`);
    }
    assert.throws(() => makeHeader(''), code('internal'));
    assert.throws(() => makeHeader('x'.repeat(1025)), code('internal'));
});
