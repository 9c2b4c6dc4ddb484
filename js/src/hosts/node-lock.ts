/* The one right to write in a database folder, as Node takes it.
 *
 * The protocol is that of hosts/native/lock.c, without flock, which Node has not: the text of the file
 * LOCK says who has the right.
 *
 *   ""                      nobody
 *   "PID START BOOT\n"      the process with that pid, started at START (field 22 of /proc/PID/stat)
 *                           since the boot BOOT; "0 0" where there is no /proc
 *   "wasi\n"                a WASI process, which has no pid to look for
 *
 * A text whose process is gone counts for nothing. Reading it and writing one's own is one step, done
 * while LOCK.new exists, which is made with O_EXCL; one older than ten seconds was left behind by a
 * crash.
 *
 * Invariants
 * 1. LOCK is never removed, since a native process may hold a flock on it.
 * 2. The text is written before the old one is cut off, so that no reader takes it for "nobody".
 * 3. Our own pid in the text is busy too: this process has the folder open already, in this thread or
 *    in another one.
 */
import {
    closeSync,
    fstatSync,
    ftruncateSync,
    openSync,
    readFileSync,
    readSync,
    statSync,
    unlinkSync,
    writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { Busy } from '../generated/errors.js';
import { system } from './node.js';

const STALE_MS = 10_000;
const TRIES = 200; // 5 ms apart: a second in all; the step itself takes far less
const TRY_MS = 5;

interface Identity {
    pid: number;
    started: string;
    boot: string;
}

/** Takes the right; throws Busy with details {holder}. The number is for unlockFolder. */
export function lockFolder(folder: string): number {
    const path = join(folder, 'LOCK');
    const step = join(folder, 'LOCK.new');
    const fd = system(`cannot open ${path}`, () => openLock(path));
    try {
        enter(step);
        try {
            claim(fd, path);
        } finally {
            system(`cannot remove ${step}`, () => unlinkSync(step));
        }
    } catch (error) {
        closeSync(fd);
        throw error;
    }
    return fd;
}

export function unlockFolder(lock: number): void {
    system('cannot give up the lock', () => {
        ftruncateSync(lock, 0);
        closeSync(lock);
    });
}

function openLock(path: string): number {
    try {
        return openSync(path, 'r+');
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
            throw error;
        }
        // Not 'w+', which cuts: somebody may have made and filled it by now.
        closeSync(openSync(path, 'a'));
        return openSync(path, 'r+');
    }
}

/* Makes LOCK.new, waiting a little for somebody else's. */
function enter(step: string): void {
    for (let i = 0; i < TRIES; i++) {
        try {
            closeSync(openSync(step, 'wx'));
            return;
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
                throw system(`cannot make ${step}`, () => {
                    throw error;
                });
            }
        }
        if (isStale(step)) {
            removeStale(step);
        } else {
            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TRY_MS);
        }
    }
    throw new Busy(`a process is opening it (${step} is there)`, { holder: 'a process that is opening it' });
}

function isStale(step: string): boolean {
    try {
        return Date.now() - statSync(step).mtimeMs > STALE_MS;
    } catch {
        return false; // gone by itself
    }
}

function removeStale(step: string): void {
    try {
        unlinkSync(step);
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
            throw system(`cannot remove ${step}`, () => {
                throw error;
            });
        }
    }
}

/* The step of reading the text and writing our own, under LOCK.new. */
function claim(fd: number, path: string): void {
    const text = system(`cannot read ${path}`, () => {
        const bytes = new Uint8Array(Math.min(fstatSync(fd).size, 256));
        return new TextDecoder().decode(bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, 0)));
    });
    const holder = holderOf(text);
    if (holder) {
        throw new Busy(`${holder} has it open`, { holder });
    }
    const self = identityOf(process.pid);
    const bytes = new TextEncoder().encode(`${self.pid} ${self.started} ${self.boot}\n`);
    try {
        system(`cannot write ${path}`, () => {
            writeSync(fd, bytes, 0, bytes.length, 0);
            ftruncateSync(fd, bytes.length);
        });
    } catch (error) {
        ftruncateSync(fd, 0); // half a text would name a process that is not us
        throw error;
    }
}

/** Who the text says has the right and is still there, in words; undefined: nobody. */
function holderOf(text: string): string | undefined {
    if (text.startsWith('wasi')) {
        return 'a WASI process (remove LOCK if none runs)';
    }
    const [pid, started, boot] = text.trim().split(' ');
    const who: Identity = { pid: Number(pid), started: started ?? '', boot: boot ?? '' };
    if (!Number.isSafeInteger(who.pid) || who.pid <= 0 || !isAlive(who)) {
        return undefined;
    }
    return who.pid === process.pid ? `this process (${who.pid})` : `process ${who.pid}`;
}

function isAlive(who: Identity): boolean {
    const seen = identityOf(who.pid);
    if (who.boot !== seen.boot) {
        return false;
    }
    if (seen.started !== '0') {
        return seen.started === who.started;
    }
    // No /proc, or one that hides the processes of others: ask whether a signal could be sent.
    try {
        process.kill(who.pid, 0);
        return true;
    } catch (error) {
        return (error as NodeJS.ErrnoException).code === 'EPERM';
    }
}

/** The process of that pid now; started "0" when it cannot be seen. */
function identityOf(pid: number): Identity {
    const boot = readText('/proc/sys/kernel/random/boot_id');
    // The name (field 2) is in parentheses and may hold anything: count from the last one.
    const fields = readText(`/proc/${pid}/stat`).split(')').pop()?.trim().split(' ') ?? [];
    return { pid, started: fields[19] || '0', boot: boot || '0' };
}

function readText(path: string): string {
    try {
        return readFileSync(path, 'utf8').trim();
    } catch {
        return '';
    }
}
