/* What a JavaScript host gives the engine: storage. Time, chance, log and progress are the same
 * everywhere and are in engine.ts.
 *
 * All calls are synchronous, as in host.h, whose storage table this is. A call that fails throws a
 * StrataError with the code the core should see; anything else that is thrown counts as io.
 */

/** Flags of open, as in host.h. */
export const FILE_WRITE = 1;
export const FILE_CREATE = 2;
export const FILE_EXCLUSIVE = 4;

export interface Storage {
    /** A number for the file; not_found, already_exists, forbidden. */
    open(name: string, flags: number): number;
    /** Fills `into` from the offset; fewer bytes only at the end of the file. */
    readAt(file: number, offset: number, into: Uint8Array): number;
    append(file: number, bytes: Uint8Array): void;
    writeAt(file: number, offset: number, bytes: Uint8Array): void;
    /** Cuts, or grows with zeros. */
    truncate(file: number, size: number): void;
    /** Bytes, size and name survive a power cut when it returns. */
    sync(file: number): void;
    size(file: number): number;
    close(file: number): void;
    remove(name: string): void;
    /** The names of the files inside the folder; not_found. */
    list(folder: string): string[];
    /** Takes the only right to write in the folder; throws Busy with details {holder}. */
    lock(folder: string): number;
    unlock(lock: number): void;
}

/** A file that is not in the storage: the export that a database is made of. */
export interface Source {
    readonly size: number;
    /** Fills `into` from the offset; fewer bytes only at the end. */
    read(offset: number, into: Uint8Array): number;
}

/** What the engine is told the source is called. */
export const SOURCE_NAME = 'strata:import';

export interface Progress {
    /** 'recover' (bytes of log), 'import' (bytes of the export) or 'index' (memories). */
    stage: string;
    done: number;
    /** 0 when it is not known. */
    total: number;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogLine {
    level: LogLevel;
    message: string;
    /** key=value key=value */
    fields: string;
}

/** Who listens to the engine. */
export interface Listener {
    progress?: ((progress: Progress) => void) | undefined;
    log?: ((line: LogLine) => void) | undefined;
}
