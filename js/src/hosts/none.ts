/* The storage of ':memory:': there is none. The core asks it for nothing; should it ask, that is a
 * defect and is told as one. */
import { Internal } from '../generated/errors.js';
import type { Storage } from '../host.js';

function refuse(): never {
    throw new Internal('a database in memory has no files');
}

export const noStorage: Storage = {
    open: refuse,
    readAt: refuse,
    append: refuse,
    writeAt: refuse,
    truncate: refuse,
    sync: refuse,
    size: refuse,
    close: refuse,
    remove: refuse,
    list: refuse,
    lock: refuse,
    unlock: refuse,
};
