/* Storage in a browser: the origin-private file system (OPFS), in a dedicated worker.
 *
 * The engine opens files synchronously, and OPFS opens them asynchronously. So there is a pool of slots:
 * files with meaningless names that are open all the time, each with a header that says which file of
 * the database it is. Taking a spare slot, naming it and giving it back is then writing a header.
 *
 * A database NAME is the folder strata/db-NAME (NAME percent-encoded); a slot is slot-N in it:
 *
 *   0     8   magic "STRATASL"
 *   8     4   crc32 of the bytes from 12 to 4096; little-endian, as all numbers
 *   12    4   version of this layout, 1
 *   16    4   length of the name in bytes; 0: spare
 *   20        the name, UTF-8: 'WAL/wal-1.seg'; zeros up to 4096
 *   4096      the bytes of the file
 *
 * Invariants
 * 1. One worker has all the slots: it holds the Web Lock strata:opfs:NAME for life. A second opener is
 *    told busy. The browser frees both when the worker ends, whatever ended it.
 * 2. Between two requests there are spare slots for all files that one request can make: it may merge all
 *    tables into as many new ones, or twice as many where they are small, before it removes any. When
 *    that was not enough the number is doubled; the last SPARES_KEPT are for the log and the manifest,
 *    so that what fails then is work in the background, which is tried again.
 * 3. A file is removed by clearing the header of its slot first and then its bytes, so a crash in between
 *    leaves a spare slot with bytes, which are cut at the next open. Who has it open can read it until
 *    it is closed, as on POSIX; its slot is spare only then.
 * 4. A header that cannot be read is neither given out nor cleared: the slot is set aside and logged, and
 *    the core says which file it misses.
 *
 * Faults assumed: the worker ends at any call; writes that were not flushed are lost in any order; the
 * quota is used up at any write.
 *
 * Rejected: one file that the engine divides itself. It would be a file system of our own under a store
 * that is built on files, and give no space back when a segment is removed.
 */
import { fault } from '../fault.js';
import { Busy, Internal, InvalidArgument, NotFound, Unavailable } from '../generated/errors.js';
import { FILE_CREATE, FILE_EXCLUSIVE, type LogLine, type Storage } from '../host.js';

const HEADER_BYTES = 4096;
const NAME_AT = 20;
const NAME_BYTES_MAX = 1024;
const LAYOUT = 1;
const MAGIC = new TextEncoder().encode('STRATASL');
const SPARES_MIN = 6;
/* Of an export for one table of 64 MiB, at the best compression that is likely. */
const IMPORT_BYTES_A_TABLE = 4 << 20;
/* Above those needed, so that most requests find nothing to do. */
const SPARES_AHEAD = 4;
const SPARES_KEPT = 3;
/* More than that many files are not all merged into twice as many. */
const SMALL_FILES_MAX = 16;
/* Opening takes the browser's other processes, and most of it is waiting. */
const OPENED_AT_ONCE = 16;
/* After a reload the old page's worker is still ending; a second tab stays. */
const LOCK_WAIT_MS = 1000;

export const NO_OPFS =
    'this page has no origin-private file system (OPFS), so nothing could be kept: it takes https or ' +
    "localhost, a window that is not private, and a browser of 2023 or later. ':memory:' works without";

/** What is used of FileSystemSyncAccessHandle. */
interface Handle {
    read(into: Uint8Array, options: { at: number }): number;
    write(bytes: Uint8Array, options: { at: number }): number;
    truncate(size: number): void;
    getSize(): number;
    flush(): void;
    close(): void;
}

/** TypeScript has this method in its library for workers only, which excludes the one for pages. */
interface SyncFile extends FileSystemFileHandle {
    createSyncAccessHandle?(): Promise<Handle>;
}

interface Slot {
    handle: Handle;
    /** Bytes of the file, without the header. */
    size: number;
    /** How often it is open. */
    opened: number;
    removed: boolean;
}

export class OpfsStorage implements Storage {
    readonly #directory: FileSystemDirectoryHandle;
    readonly #prefix: string;
    readonly #release: () => void;
    readonly #log: (line: LogLine) => void;
    readonly #named = new Map<string, Slot>();
    readonly #spare: Slot[] = [];
    readonly #handles: Handle[] = [];
    readonly #files = new Map<number, Slot>();
    #sparesMin = SPARES_MIN;
    #filling: Promise<void> | undefined;
    #ended = false;
    #nextFile = 1;
    #nextSlot = 1;

    constructor(
        directory: FileSystemDirectoryHandle,
        path: string,
        release: () => void,
        log: (line: LogLine) => void = () => undefined,
    ) {
        this.#directory = directory;
        this.#prefix = `${path}/`;
        this.#release = release;
        this.#log = log;
    }

    /**
     * Takes the lock of the database and opens its slots. importBytes: of the export that will be
     * imported. Busy, Unavailable.
     */
    static async open(name: string, log?: (line: LogLine) => void, importBytes = 0): Promise<OpfsStorage> {
        const release = await takeLock(name);
        try {
            const storage = new OpfsStorage(await openFolder(name), `opfs:${name}`, release, log);
            storage.#sparesMin += Math.ceil(importBytes / IMPORT_BYTES_A_TABLE);
            await storage.load();
            storage.#sparesMin = SPARES_MIN;
            return storage;
        } catch (error) {
            release();
            throw told(error, 'cannot open the storage of this origin');
        }
    }

    /* ---- The pool ---- */

    /** Opens the slots that are there and makes spare ones. */
    async load(): Promise<void> {
        const slots: FileSystemFileHandle[] = [];
        for await (const [name, entry] of this.#directory.entries()) {
            const number = /^slot-([0-9]+)$/.exec(name)?.[1];
            if (entry.kind === 'file' && number !== undefined) {
                this.#nextSlot = Math.max(this.#nextSlot, Number(number) + 1);
                slots.push(entry as FileSystemFileHandle);
            }
        }
        for (let at = 0; at < slots.length; at += OPENED_AT_ONCE) {
            const some = slots.slice(at, at + OPENED_AT_ONCE);
            const handles = await Promise.all(some.map((slot) => this.#open(slot)));
            handles.forEach((handle, i) => this.#adopt((some[i] as FileSystemFileHandle).name, handle));
        }
        await this.addSpares();
    }

    get needsSpares(): boolean {
        return this.#spare.length < this.#needed();
    }

    /** Never fails: when there is no space for spare slots, the write that needs one says so. */
    addSpares(): Promise<void> {
        this.#filling ??= this.#fill().finally(() => {
            this.#filling = undefined;
        });
        return this.#filling;
    }

    async #fill(): Promise<void> {
        try {
            while (!this.#ended && this.#spare.length < this.#needed() + SPARES_AHEAD) {
                const file = await this.#directory.getFileHandle(`slot-${this.#nextSlot++}`, { create: true });
                const handle = await this.#open(file);
                if (this.#ended) {
                    return handle.close();
                }
                handle.truncate(HEADER_BYTES); // its space is taken now, while nobody waits
                this.#addSpare(handle);
            }
        } catch (error) {
            this.#log({ level: 'warn', message: 'no spare files', fields: `cause="${(error as Error).message}"` });
        }
    }

    #needed(): number {
        const files = this.#named.size;
        return this.#sparesMin + files + Math.min(files, SMALL_FILES_MAX);
    }

    #addSpare(handle: Handle): void {
        this.#spare.push({ handle, size: 0, opened: 0, removed: false });
    }

    async #open(file: FileSystemFileHandle): Promise<Handle> {
        const handle = await openHandle(file);
        this.#handles.push(handle);
        return handle;
    }

    /** Closes every slot and gives up the lock. */
    end(): void {
        this.#ended = true;
        this.#handles.forEach((handle) => handle.close());
        this.#handles.length = 0;
        this.#named.clear();
        this.#spare.length = 0;
        this.#files.clear();
        this.#release();
    }

    #adopt(slotName: string, handle: Handle): void {
        const header = new Uint8Array(HEADER_BYTES);
        const got = handle.read(header, { at: 0 });
        const name = got < HEADER_BYTES ? '' : readHeader(header);
        if (name === undefined || this.#named.has(name)) {
            this.#log({ level: 'error', message: 'a file with a damaged header is set aside', fields: `slot=${slotName}` });
        } else if (name === '') {
            handle.truncate(HEADER_BYTES);
            this.#addSpare(handle);
        } else {
            const size = handle.getSize() - HEADER_BYTES;
            this.#named.set(name, { handle, size, opened: 0, removed: false });
        }
    }

    /* ---- Storage ---- */

    open(path: string, flags: number): number {
        const name = this.#nameOf(path);
        let slot = this.#named.get(name);
        if (slot && (flags & FILE_EXCLUSIVE) !== 0) {
            throw fault('already_exists', `${path} is there already`);
        }
        if (!slot) {
            if ((flags & FILE_CREATE) === 0) {
                throw new NotFound(`there is no ${path}`);
            }
            slot = this.#take(name);
        }
        const file = this.#nextFile++;
        slot.opened++;
        this.#files.set(file, slot);
        return file;
    }

    readAt(file: number, offset: number, into: Uint8Array): number {
        const { handle, size } = this.#get(file);
        const want = Math.max(0, Math.min(into.length, size - offset));
        return attempt('cannot read', () => {
            let done = 0;
            while (done < want) {
                const got = handle.read(into.subarray(done, want), { at: HEADER_BYTES + offset + done });
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
        const slot = this.#get(file);
        attempt('cannot write', () => writeWhole(slot.handle, HEADER_BYTES + offset, bytes));
        slot.size = Math.max(slot.size, offset + bytes.length);
    }

    truncate(file: number, size: number): void {
        const slot = this.#get(file);
        attempt('cannot change the size', () => slot.handle.truncate(HEADER_BYTES + size));
        slot.size = size;
    }

    sync(file: number): void {
        attempt('cannot sync', () => this.#get(file).handle.flush());
    }

    size(file: number): number {
        return this.#get(file).size;
    }

    /** The slot stays open: it belongs to the pool. */
    close(file: number): void {
        const slot = this.#get(file);
        this.#files.delete(file);
        slot.opened--;
        this.#reuse(slot);
    }

    remove(path: string): void {
        const name = this.#nameOf(path);
        const slot = this.#named.get(name);
        if (!slot) {
            throw new NotFound(`there is no ${path}`);
        }
        attempt(`cannot remove ${path}`, () => writeWhole(slot.handle, 0, new Uint8Array(HEADER_BYTES)));
        this.#named.delete(name);
        slot.removed = true;
        this.#reuse(slot);
    }

    /* A slot whose file was removed, and that nobody reads any more, is spare. */
    #reuse(slot: Slot): void {
        if (slot.removed && slot.opened === 0) {
            attempt('cannot give back space', () => slot.handle.truncate(HEADER_BYTES));
            this.#addSpare(slot.handle);
        }
    }

    list(folder: string): string[] {
        const prefix = `${folder}/` === this.#prefix ? '' : `${this.#nameOf(folder)}/`;
        const inside = [...this.#named.keys()].filter((name) => name.startsWith(prefix));
        if (inside.length === 0) {
            throw new NotFound(`there is no folder ${folder}`);
        }
        return inside.map((name) => name.slice(prefix.length)).filter((name) => !name.includes('/'));
    }

    /** The Web Lock is held already. */
    lock(): number {
        return 0;
    }

    unlock(): void {}

    #take(name: string): Slot {
        const kept = name.startsWith('DATA/') ? SPARES_KEPT : 0;
        const slot = this.#spare.length > kept ? this.#spare.pop() : undefined;
        if (!slot) {
            this.#sparesMin *= 2;
            throw fault('no_space', 'no spare file is left; the browser gave no space for more');
        }
        try {
            attempt('cannot make a file', () => writeWhole(slot.handle, 0, makeHeader(name)));
        } catch (error) {
            this.#spare.push(slot);
            throw error;
        }
        this.#named.set(name, slot);
        return slot;
    }

    #get(file: number): Slot {
        const slot = this.#files.get(file);
        if (!slot) {
            throw new InvalidArgument(`file ${file} is not open`);
        }
        return slot;
    }

    #nameOf(path: string): string {
        if (!path.startsWith(this.#prefix)) {
            throw new InvalidArgument(`${path}: a page has no files but those of its databases`);
        }
        return path.slice(this.#prefix.length);
    }
}

/* ---- Headers ---------------------------------------------------------------------------------- */

export function makeHeader(name: string): Uint8Array {
    const bytes = new TextEncoder().encode(name);
    if (bytes.length === 0 || bytes.length > NAME_BYTES_MAX) {
        throw new Internal(`a file name of ${bytes.length} bytes`);
    }
    const header = new Uint8Array(HEADER_BYTES);
    const view = new DataView(header.buffer);
    header.set(MAGIC);
    view.setUint32(12, LAYOUT, true);
    view.setUint32(16, bytes.length, true);
    header.set(bytes, NAME_AT);
    view.setUint32(8, crc32(header.subarray(12)), true);
    return header;
}

/** The name in a header, '' of a spare slot (all zeros), undefined when it is damaged. */
export function readHeader(header: Uint8Array): string | undefined {
    if (header.every((byte) => byte === 0)) {
        return '';
    }
    const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
    const length = view.getUint32(16, true);
    const whole =
        MAGIC.every((byte, i) => header[i] === byte) &&
        view.getUint32(12, true) === LAYOUT &&
        length > 0 &&
        length <= NAME_BYTES_MAX &&
        view.getUint32(8, true) === crc32(header.subarray(12));
    return whole ? new TextDecoder().decode(header.subarray(NAME_AT, NAME_AT + length)) : undefined;
}

/* The usual one (IEEE 802.3), bit by bit: 4 KiB per file and open need no table. */
function crc32(bytes: Uint8Array): number {
    let crc = 0xffffffff;
    for (const byte of bytes) {
        crc ^= byte;
        for (let bit = 0; bit < 8; bit++) {
            crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
        }
    }
    return ~crc >>> 0;
}

/* ---- The browser ------------------------------------------------------------------------------ */

function writeWhole(handle: Handle, at: number, bytes: Uint8Array): void {
    let done = 0;
    while (done < bytes.length) {
        const wrote = handle.write(bytes.subarray(done), { at: at + done });
        if (wrote === 0) {
            throw fault('no_space', 'the browser took no more bytes');
        }
        done += wrote;
    }
}

function attempt<T>(what: string, work: () => T): T {
    try {
        return work();
    } catch (error) {
        throw told(error, what);
    }
}

/** The browser's error in ours, with what to do. */
function told(error: unknown, what: string): Error {
    if ('code' in (error as object) && typeof (error as { code: unknown }).code === 'string') {
        return error as Error; // ours already
    }
    const { name, message } = error as Error;
    switch (name) {
        case 'QuotaExceededError':
            return fault(
                'no_space',
                `${what}: the browser's quota for this site is used up; forget something or free disk space`,
                {},
                error,
            );
        case 'NoModificationAllowedError':
            return new Busy('another tab or worker has it open', { holder: 'another tab or worker' }, { cause: error });
        case 'SecurityError':
        case 'NotAllowedError':
            return new Unavailable(NO_OPFS, {}, { cause: error });
        case 'InvalidStateError':
            return new Unavailable(`${what}: the browser has closed the file (${message})`, {}, { cause: error });
        default:
            return fault('io', `${what}: ${name}: ${message}`, {}, error);
    }
}

/** Resolves to the function that releases the lock. */
async function takeLock(name: string): Promise<() => void> {
    if (!navigator.locks) {
        throw new Unavailable(NO_OPFS);
    }
    return new Promise((resolve, reject) => {
        navigator.locks
            .request(`strata:opfs:${name}`, { signal: AbortSignal.timeout(LOCK_WAIT_MS) }, () => {
                return new Promise<void>((release) => resolve(release));
            })
            .catch((error: Error) => {
                reject(
                    error.name === 'TimeoutError' || error.name === 'AbortError'
                        ? new Busy(`opfs:${name} is open in another tab or worker; close it there`, {
                              holder: 'another tab or worker',
                          })
                        : told(error, 'cannot take the lock'),
                );
            });
    });
}

async function openFolder(name: string): Promise<FileSystemDirectoryHandle> {
    if (!navigator.storage?.getDirectory) {
        throw new Unavailable(NO_OPFS);
    }
    const root = await navigator.storage.getDirectory();
    const all = await root.getDirectoryHandle('strata', { create: true });
    return all.getDirectoryHandle(`db-${encodeURIComponent(name)}`, { create: true });
}

/* The handles of a worker that has just ended may outlive its lock by a moment. */
async function openHandle(file: SyncFile): Promise<Handle> {
    const TRIES = 20;
    if (!file.createSyncAccessHandle) {
        throw new Unavailable(NO_OPFS);
    }
    for (let i = 1; ; i++) {
        try {
            return await file.createSyncAccessHandle();
        } catch (error) {
            if ((error as Error).name !== 'NoModificationAllowedError' || i === TRIES) {
                throw error;
            }
            await new Promise((resolve) => setTimeout(resolve, 50));
        }
    }
}
