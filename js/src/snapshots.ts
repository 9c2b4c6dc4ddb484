import { type Caller, checkOptions } from './caller.js';
import type { Snapshot } from './generated/operations.js';
import type { CallOptions } from './options.js';

/** States of a database that are kept under a name: open(target, { snapshot: name }) reads one. */
export class Snapshots {
    readonly #caller: Caller;

    constructor(caller: Caller) {
        this.#caller = caller;
    }

    /** Keeps the state of now; without a name it gets one. It shares its files with the database. */
    async create(name?: string, options?: CallOptions): Promise<Snapshot> {
        checkOptions('snapshots.create', options, ['signal']);
        return this.#caller.exec('snapshot.create', { name }, options);
    }

    /** All of them, oldest first. */
    async list(options?: CallOptions): Promise<Snapshot[]> {
        checkOptions('snapshots.list', options, ['signal']);
        return (await this.#caller.exec('snapshot.list', {}, options)).snapshots;
    }

    /** Deletes one, and the files that nothing else needs. */
    async delete(name: string, options?: CallOptions): Promise<void> {
        checkOptions('snapshots.delete', options, ['signal']);
        await this.#caller.exec('snapshot.delete', { name }, options);
    }
}
