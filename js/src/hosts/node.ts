/* Storage in Node: the files of a folder, through the synchronous functions of node:fs.
 *
 * Invariants
 * 1. A file is a descriptor of the system; its size is kept here, so that an append is one pwrite at
 *    a known place and a failed one leaves no gap.
 * 2. sync is fdatasync of the file, and for a file that was made since, fsync of its folder too:
 *    without that the name may be lost though the bytes are not.
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
import { dirname } from 'node:path';
import { fault } from '../fault.js';
import { type ErrorCode, InvalidArgument } from '../generated/errors.js';
import { FILE_CREATE, FILE_EXCLUSIVE, FILE_WRITE, type Storage } from '../host.js';
import { lockFolder, unlockFolder } from './node-lock.js';

interface OpenFile {
    fd: number;
    size: number;
    /** Folders whose entries are not yet known to be on disk, deepest first. */
    unsynced: string[];
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
        const create = (flags & FILE_CREATE) !== 0;
        const unsynced = create ? makeFolders(dirname(name)) : [];
        const { fd, made } = system(`cannot open ${name}`, () => openFile(name, flags));
        const size = system(`cannot read the size of ${name}`, () => fstatSync(fd).size);
        this.#files.set(fd, { fd, size, unsynced: made ? [dirname(name), ...unsynced] : unsynced });
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
            open.unsynced.forEach(syncFolder);
        });
        open.unsynced = [];
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
function openFile(name: string, flags: number): { fd: number; made: boolean } {
    if ((flags & FILE_CREATE) === 0) {
        return { fd: openSync(name, (flags & FILE_WRITE) !== 0 ? 'r+' : 'r'), made: false };
    }
    if ((flags & FILE_EXCLUSIVE) !== 0) {
        return { fd: openSync(name, 'wx+'), made: true };
    }
    for (;;) {
        try {
            return { fd: openSync(name, 'r+'), made: false };
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
                throw error;
            }
        }
        try {
            return { fd: openSync(name, 'wx+'), made: true };
        } catch (error) {
            // Somebody made it in between: then it can be opened.
            if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
                throw error;
            }
        }
    }
}

/** Makes the folder and those it lies in; returns the folders that got an entry, deepest first. */
function makeFolders(folder: string): string[] {
    const first = system(`cannot make the folder ${folder}`, () => mkdirSync(folder, { recursive: true }));
    if (first === undefined) {
        return [];
    }
    const changed: string[] = [];
    for (let at = folder; ; at = dirname(at)) {
        changed.push(dirname(at));
        if (at === first || at === dirname(at)) {
            return changed;
        }
    }
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
