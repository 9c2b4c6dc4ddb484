/* Proves that the storage of Node keeps the contract of host.h, and that its lock keeps other processes
 * out for exactly as long as the holder lives. Each test works in a new folder. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs, { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Busy } from '../dist/esm/generated/errors.js';
import { NodeStorage } from '../dist/esm/hosts/node.js';

const WRITE = 1;
const CREATE = 2;
const EXCLUSIVE = 4;

let root;
let storage;
beforeEach(() => {
    root = join(mkdtempSync(join(tmpdir(), 'strata-js-')), 'db');
    storage = new NodeStorage();
});
afterEach(() => rmSync(join(root, '..'), { recursive: true }));

const text = (string) => new TextEncoder().encode(string);
const code = (expected) => (error) => {
    assert.equal(error.code, expected, error.message);
    return true;
};
function readAll(file) {
    const bytes = new Uint8Array(storage.size(file));
    assert.equal(storage.readAt(file, 0, bytes), bytes.length);
    return new TextDecoder().decode(bytes);
}

/** The folders that work() syncs, as paths. */
function foldersSynced(work) {
    const { openSync, fsyncSync } = fs;
    const paths = new Map();
    const synced = [];
    fs.openSync = (path, ...rest) => {
        const fd = openSync(path, ...rest);
        paths.set(fd, path);
        return fd;
    };
    fs.fsyncSync = (fd) => {
        fsyncSync(fd);
        synced.push(paths.get(fd));
    };
    syncBuiltinESMExports();
    try {
        work();
    } finally {
        Object.assign(fs, { openSync, fsyncSync });
        syncBuiltinESMExports();
    }
    return synced;
}

test('the names of folders are durable when they are made, whoever makes them', () => {
    const parent = join(root, '..');
    assert.deepEqual(
        foldersSynced(() => storage.unlock(storage.lock(root))),
        [parent],
    );
    assert.deepEqual(
        foldersSynced(() => storage.close(storage.open(`${root}/WAL/a`, WRITE | CREATE))),
        [root],
    );
});

test('the first sync makes the name durable, also of a file that somebody else made', () => {
    const name = `${root}/MANIFEST`;
    storage.close(storage.open(name, WRITE | CREATE)); // and dies before its sync
    for (const flags of [WRITE, WRITE | CREATE]) {
        const file = storage.open(name, flags);
        assert.deepEqual(
            foldersSynced(() => storage.sync(file)),
            [root],
        );
        assert.deepEqual(
            foldersSynced(() => storage.sync(file)),
            [],
        );
        storage.close(file);
    }
});

test('write, append, read, truncate, sync, reopen', () => {
    const name = `${root}/WAL/wal-1.seg`;
    const file = storage.open(name, WRITE | CREATE);
    storage.append(file, text('one'));
    storage.append(file, text(' two'));
    storage.writeAt(file, 0, text('O'));
    storage.sync(file);
    assert.equal(readAll(file), 'One two');
    const into = new Uint8Array(10);
    assert.equal(storage.readAt(file, 4, into), 3, 'short only at the end');
    assert.equal(storage.readAt(file, 100, into), 0);
    storage.truncate(file, 3);
    storage.append(file, text('!'));
    assert.equal(readAll(file), 'One!');
    storage.truncate(file, 6);
    assert.equal(readAll(file), 'One!\0\0');
    storage.close(file);
    assert.throws(() => storage.size(file), code('invalid_argument'));
    const again = storage.open(name, WRITE | CREATE);
    assert.equal(readAll(again), 'One!\0\0', 'opening does not cut');
    storage.close(again);
});

test('a write far beyond the end leaves zeros', () => {
    const file = storage.open(`${root}/f`, WRITE | CREATE);
    storage.writeAt(file, 5, text('x'));
    assert.equal(readAll(file), '\0\0\0\0\0x');
    storage.append(file, text('y'));
    assert.equal(readAll(file), '\0\0\0\0\0xy');
    storage.close(file);
});

test('errors of open, remove and list', () => {
    assert.throws(() => storage.open(`${root}/f`, 0), code('not_found'));
    assert.throws(() => storage.open(`${root}/f`, WRITE), code('not_found'));
    assert.throws(() => storage.remove(`${root}/f`), code('not_found'));
    assert.throws(() => storage.list(root), code('not_found'));
    const file = storage.open(`${root}/f`, WRITE | CREATE | EXCLUSIVE);
    assert.throws(() => storage.open(`${root}/f`, WRITE | CREATE | EXCLUSIVE), code('already_exists'));
    assert.throws(() => storage.open(`${root}/f/g`, 0), code('not_found'));
    storage.close(file);
    const reader = storage.open(`${root}/f`, 0);
    assert.throws(() => storage.append(reader, text('x')), (error) => error.cause.code === 'EBADF');
    storage.close(reader);
});

test('list gives the files of one folder only', () => {
    for (const name of ['MANIFEST', 'WAL/wal-1.seg', 'WAL/wal-2.seg', 'DATA/tab-1.tab']) {
        storage.close(storage.open(`${root}/${name}`, WRITE | CREATE));
    }
    assert.deepEqual(storage.list(root), ['MANIFEST']);
    assert.deepEqual(storage.list(`${root}/WAL`).sort(), ['wal-1.seg', 'wal-2.seg']);
    storage.remove(`${root}/WAL/wal-1.seg`);
    assert.deepEqual(storage.list(`${root}/WAL`), ['wal-2.seg']);
});

test('a removed file can be read until it is closed, whatever has its name then', () => {
    const name = `${root}/DATA/tab-1.tab`;
    assert.throws(() => storage.list(`${root}/DATA`), code('not_found'));
    const written = storage.open(name, WRITE | CREATE);
    storage.append(written, text('old bytes'));
    const reader = storage.open(name, 0);
    storage.remove(name);
    assert.deepEqual(storage.list(`${root}/DATA`), []);
    assert.throws(() => storage.open(name, 0), code('not_found'));
    const other = storage.open(name, WRITE | CREATE | EXCLUSIVE);
    storage.append(other, text('NEW'));
    assert.equal(readAll(reader), 'old bytes');
    assert.equal(readAll(written), 'old bytes');
    assert.equal(readAll(other), 'NEW');
    for (const file of [reader, written, other]) {
        storage.close(file);
        assert.throws(() => storage.size(file), code('invalid_argument'));
    }
});

test('a folder that permissions close is forbidden', { skip: process.getuid?.() === 0 && 'root may everything' }, () => {
    storage.close(storage.open(`${root}/f`, WRITE | CREATE));
    chmodSync(root, 0o500);
    assert.throws(() => storage.open(`${root}/g`, WRITE | CREATE), code('forbidden'));
    chmodSync(root, 0o700);
});

test('a full disk is no_space', { skip: !existsSync('/dev/full') && 'no /dev/full here' }, () => {
    const file = storage.open('/dev/full', WRITE);
    assert.throws(() => storage.append(file, text('x')), code('no_space'));
    storage.close(file);
});

/* ---- The lock ---- */

test('the lock says who has it and is given back', () => {
    const lock = storage.lock(root);
    const [pid, started, boot] = readFileSync(`${root}/LOCK`, 'utf8').trim().split(' ');
    assert.equal(Number(pid), process.pid);
    assert.ok(started && boot);
    assert.equal(existsSync(`${root}/LOCK.new`), false);
    assert.throws(
        () => new NodeStorage().lock(root),
        (error) => error instanceof Busy && error.details.holder === `this process (${process.pid})`,
    );
    storage.unlock(lock);
    assert.equal(readFileSync(`${root}/LOCK`, 'utf8'), '', 'the file stays, empty');
    storage.unlock(storage.lock(root));
});

test('what is left behind by a crash does not count', () => {
    const cases = [
        '999999999 1 00000000-0000-0000-0000-000000000000\n', // another boot
        `${process.pid} 1 ${bootId()}\n`, // our pid, used before by somebody else
        'garbage\n',
        '-1 0 0\n',
    ];
    for (const left of cases) {
        storage.unlock(storage.lock(root));
        writeFileSync(`${root}/LOCK`, left);
        storage.unlock(storage.lock(root));
    }
    writeFileSync(`${root}/LOCK.new`, '');
    utimesSync(`${root}/LOCK.new`, 0, 0);
    storage.unlock(storage.lock(root));
});

test('a WASI process is believed', () => {
    storage.unlock(storage.lock(root));
    writeFileSync(`${root}/LOCK`, 'wasi\n');
    assert.throws(() => storage.lock(root), (error) => error instanceof Busy && /WASI/.test(error.details.holder));
});

test('another process that is opening it is waited for, then busy', () => {
    storage.unlock(storage.lock(root));
    writeFileSync(`${root}/LOCK.new`, '');
    assert.throws(() => storage.lock(root), (error) => error instanceof Busy && /opening/.test(error.details.holder));
    assert.ok(existsSync(`${root}/LOCK.new`), 'and left alone');
});

/* A process that takes the lock, says so, and waits to be told to go on. */
function holder() {
    const program = `
        const { NodeStorage } = await import(process.argv[1]);
        try {
            const storage = new NodeStorage();
            const lock = storage.lock(process.argv[2]);
            process.stdout.write('locked\\n');
            process.stdin.once('data', () => { storage.unlock(lock); process.exit(0); });
        } catch (error) {
            process.stdout.write(error.code + ' ' + error.details.holder + '\\n');
        }`;
    const module = new URL('../dist/esm/hosts/node.js', import.meta.url).href;
    return spawn(process.execPath, ['--input-type=module', '-e', program, module, root], {
        stdio: ['pipe', 'pipe', 'inherit'],
    });
}
const said = async (child) => String((await once(child.stdout, 'data'))[0]).trim();

test('two processes: busy while the other lives, free when it is killed', async () => {
    const first = holder();
    assert.equal(await said(first), 'locked');
    assert.throws(
        () => storage.lock(root),
        (error) => error instanceof Busy && error.details.holder === `process ${first.pid}`,
    );
    const second = holder();
    assert.equal(await said(second), `busy process ${first.pid}`);
    first.kill('SIGKILL');
    await once(first, 'exit');
    storage.unlock(storage.lock(root));
});

test('two processes: handed over in order', async () => {
    const first = holder();
    assert.equal(await said(first), 'locked');
    first.stdin.write('go\n');
    await once(first, 'exit');
    const lock = storage.lock(root);
    const second = holder();
    assert.equal(await said(second), `busy process ${process.pid}`);
    storage.unlock(lock);
});

test('many processes at once: one gets it', async () => {
    const children = Array.from({ length: 6 }, holder);
    const words = await Promise.all(children.map(said));
    assert.equal(words.filter((word) => word === 'locked').length, 1, words.join(', '));
    children.forEach((child) => child.kill('SIGKILL'));
    await Promise.all(children.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
});

function bootId() {
    try {
        return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    } catch {
        return '0';
    }
}
