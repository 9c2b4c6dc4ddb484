/* Storage in Node: the files of a folder, through the synchronous functions of node:fs.
 *
 * Invariants
 * 1. A file is a descriptor of the system; its size is kept here, so that an append is one pwrite at
 *    a known place and a failed one leaves no gap.
 * 2. sync is fdatasync of the file, and the first time fsync of its folder too, even if another process
 *    made the file: it may have died in between, and without that the name may be lost though the bytes
 *    are not. A folder's own name is synced as it is made.
 * 3. Short reads and writes are repeated until they are whole.
 *
 * Growing with truncate makes a hole: Node has no fallocate, so space is not promised in advance and
 * a later write may still say no_space. libuv repeats interrupted calls itself.
 */
import {
    closeSync,
    fdatasyncSync,
    fstatSync,
    fsyncSync,
    ftruncateSync,
    mkdirSync,
    openSync,
    readdirSync,
    readSync,
    unlinkSync,
    writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fault } from '../fault.js';
import { type ErrorCode, InvalidArgument } from '../generated/errors.js';
import { FILE_CREATE, FILE_EXCLUSIVE, FILE_WRITE, type Storage } from '../host.js';
import { lockFolder, unlockFolder } from './node-lock.js';

interface OpenFile {
    fd: number;
    size: number;
    /** The folder whose entry for this file is not yet known to be on disk. */
    unsynced: string | undefined;
}

const codeOfErrno: Readonly<Record<string, ErrorCode>> = {
    ENOENT: 'not_found',
    ENOTDIR: 'not_found',
    EEXIST: 'already_exists',
    EACCES: 'forbidden',
    EPERM: 'forbidden',
    EROFS: 'forbidden',
    ENOSPC: 'no_space',
    EDQUOT: 'no_space',
    EFBIG: 'no_space',
    ENOMEM: 'no_memory',
    ENAMETOOLONG: 'invalid_argument',
};

/** Runs a call of node:fs; its error comes out with our code and the system's as the cause. */
export function system<T>(what: string, work: () => T): T {
    try {
        return work();
    } catch (error) {
        const { code: errno, message } = error as NodeJS.ErrnoException;
        throw fault(codeOfErrno[errno ?? ''] ?? 'io', `${what}: ${message}`, errno ? { errno } : {}, error);
    }
}

export class NodeStorage implements Storage {
    readonly #files = new Map<number, OpenFile>();

    open(name: string, flags: number): number {
        if ((flags & FILE_CREATE) !== 0) {
            makeFolders(dirname(name));
        }
        const fd = system(`cannot open ${name}`, () => openFile(name, flags));
        const size = system(`cannot read the size of ${name}`, () => fstatSync(fd).size);
        const writes = (flags & (FILE_WRITE | FILE_CREATE)) !== 0;
        this.#files.set(fd, { fd, size, unsynced: writes ? dirname(name) : undefined });
        return fd;
    }

    readAt(file: number, offset: number, into: Uint8Array): number {
        const { fd } = this.#get(file);
        return system('cannot read', () => {
            let done = 0;
            while (done < into.length) {
                const got = readSync(fd, into, done, into.length - done, offset + done);
                if (got === 0) {
                    break;
                }
                done += got;
            }
            return done;
        });
    }

    append(file: number, bytes: Uint8Array): void {
        this.writeAt(file, this.#get(file).size, bytes);
    }

    writeAt(file: number, offset: number, bytes: Uint8Array): void {
        const open = this.#get(file);
        system('cannot write', () => {
            let done = 0;
            while (done < bytes.length) {
                done += writeSync(open.fd, bytes, done, bytes.length - done, offset + done);
            }
        });
        open.size = Math.max(open.size, offset + bytes.length);
    }

    truncate(file: number, size: number): void {
        const open = this.#get(file);
        system('cannot change the size', () => ftruncateSync(open.fd, size));
        open.size = size;
    }

    sync(file: number): void {
        const open = this.#get(file);
        system('cannot sync', () => {
            fdatasyncSync(open.fd);
            if (open.unsynced !== undefined) {
                syncFolder(open.unsynced);
            }
        });
        open.unsynced = undefined;
    }

    size(file: number): number {
        return this.#get(file).size;
    }

    close(file: number): void {
        const { fd } = this.#get(file);
        this.#files.delete(file);
        system('cannot close', () => closeSync(fd));
    }

    remove(name: string): void {
        system(`cannot remove ${name}`, () => unlinkSync(name));
    }

    list(folder: string): string[] {
        return system(`cannot list ${folder}`, () =>
            readdirSync(folder, { withFileTypes: true })
                .filter((entry) => !entry.isDirectory())
                .map((entry) => entry.name),
        );
    }

    lock(folder: string): number {
        makeFolders(folder);
        return lockFolder(folder);
    }

    unlock(lock: number): void {
        unlockFolder(lock);
    }

    #get(file: number): OpenFile {
        const open = this.#files.get(file);
        if (!open) {
            throw new InvalidArgument(`file ${file} is not open`);
        }
        return open;
    }
}

/* Node has no way to open for writing, made if missing, without cutting and at any offset ('a' always
 * writes at the end): so 'r+', and when there is none, 'wx+'. */
function openFile(name: string, flags: number): number {
    if ((flags & FILE_CREATE) === 0) {
        return openSync(name, (flags & FILE_WRITE) !== 0 ? 'r+' : 'r');
    }
    if ((flags & FILE_EXCLUSIVE) !== 0) {
        return openSync(name, 'wx+');
    }
    for (;;) {
        try {
            return openSync(name, 'r+');
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
                throw error;
            }
        }
        try {
            return openSync(name, 'wx+');
        } catch (error) {
            // Somebody made it in between: then it can be opened.
            if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
                throw error;
            }
        }
    }
}

/** Makes the folder and those it lies in, and makes their names durable. */
function makeFolders(folder: string): void {
    system(`cannot make the folder ${folder}`, () => {
        const first = mkdirSync(folder, { recursive: true });
        for (let at = folder; first !== undefined; at = dirname(at)) {
            syncFolder(dirname(at));
            if (resolve(at) === resolve(first) || at === dirname(at)) {
                return;
            }
        }
    });
}

/* Windows cannot sync a folder, and needs not: NTFS logs its names. */
function syncFolder(folder: string): void {
    if (process.platform === 'win32') {
        return;
    }
    const fd = openSync(folder, 'r');
    try {
        fsyncSync(fd);
    } finally {
        closeSync(fd);
    }
}
