/* The storage of ':memory:' in a page: there is none. The core asks for it only when a copy is to be made,
 * which has nowhere to go. */
import { InvalidArgument } from '../generated/errors.js';
import type { Storage } from '../host.js';

function refuse(): never {
    throw new InvalidArgument('a page has no files but those of its databases');
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
