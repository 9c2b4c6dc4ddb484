import type { ErrorCode } from './generated/errors.js';
import type { StoredValue } from './values.js';

/** What an error says besides its message: the reason, the limit, the file and offset, ... */
export type ErrorDetails = Readonly<Record<string, StoredValue>>;

/**
 * Every error that Strata throws. Its subclasses (NotFound, Conflict, Busy, ...) are one per code, made
 * from the core's list of errors.
 */
export class StrataError extends Error {
    /** The same word in every language and on the command line. */
    readonly code: ErrorCode;
    /** Whether the same call may succeed later without a change. */
    readonly retryable: boolean;
    readonly details: ErrorDetails;

    constructor(
        code: ErrorCode,
        retryable: boolean,
        name: string,
        message: string,
        details: ErrorDetails = {},
        options?: ErrorOptions,
    ) {
        super(message, options);
        // Said by the subclass, because a minifier renames classes.
        this.name = name;
        this.code = code;
        this.retryable = retryable;
        this.details = details;
    }
}
