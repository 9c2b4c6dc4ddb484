/* The package in a browser: the engine runs in a worker, so that neither opening nor a recall ever
 * stops the page. */
import { Caller } from './caller.js';
import { Database } from './database.js';
import { InvalidArgument, Unavailable } from './generated/errors.js';
import { checkOpenOptions, type OpenOptions } from './options.js';
import { NO_OPFS } from './hosts/opfs.js';
import { RemoteCarrier } from './remote.js';

export * from './api.js';

const NAME_MAX = 200;

/** Opens a database: ':memory:' or 'opfs:NAME'. */
export async function open(target: string | URL, options: OpenOptions = {}): Promise<Database> {
    checkOpenOptions(options);
    options.signal?.throwIfAborted();
    const path = String(target);
    const name = nameOf(path);
    if (name !== null && !navigator.storage?.getDirectory) {
        throw new Unavailable(NO_OPFS);
    }
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: `strata ${path}` });
    const carrier = await RemoteCarrier.open(worker, name, path, options);
    return new Database(new Caller(carrier), name === null ? undefined : persist(options.persist ?? true));
}

/** The name of the OPFS database; null for memory. */
function nameOf(target: string): string | null {
    if (target === ':memory:') {
        return null;
    }
    const name = target.startsWith('opfs:') ? target.slice('opfs:'.length) : '';
    if (name === '' || name.length > NAME_MAX) {
        throw new InvalidArgument(`cannot open ${target}: in a browser use ':memory:' or 'opfs:NAME'`);
    }
    return name;
}

/* Asked from the page, since Firefox asks the person. Workers cannot ask. */
async function persist(wanted: boolean): Promise<boolean | undefined> {
    const storage = navigator.storage;
    if (!wanted || !storage.persist) {
        return undefined;
    }
    try {
        return (await storage.persisted()) || (await storage.persist());
    } catch {
        return false;
    }
}
