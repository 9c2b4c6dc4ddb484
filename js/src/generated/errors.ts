// Made by tools/gen_ops.py from core/include/strata/errors.def; `make gen` makes it again.
import { StrataError, type ErrorDetails } from '../errors.js';

/** The code of every error. */
export type ErrorCode =
    | 'not_found'
    | 'already_exists'
    | 'wrong_type'
    | 'invalid_key'
    | 'invalid_path'
    | 'invalid_argument'
    | 'constraint'
    | 'conflict'
    | 'overflow'
    | 'history_trimmed'
    | 'busy'
    | 'quota'
    | 'unauthorized'
    | 'forbidden'
    | 'unavailable'
    | 'corrupt'
    | 'io'
    | 'no_space'
    | 'no_memory'
    | 'timeout'
    | 'closed'
    | 'internal';

/** No such thing. */
export class NotFound extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('not_found', false, 'NotFound', message, details, options);
    }
}

/** It exists already. */
export class AlreadyExists extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('already_exists', false, 'AlreadyExists', message, details, options);
    }
}

/** The value has another type. */
export class WrongType extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('wrong_type', false, 'WrongType', message, details, options);
    }
}

/** Not a valid key. */
export class InvalidKey extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('invalid_key', false, 'InvalidKey', message, details, options);
    }
}

/** Not a valid path. */
export class InvalidPath extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('invalid_path', false, 'InvalidPath', message, details, options);
    }
}

/** Not a valid argument. */
export class InvalidArgument extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('invalid_argument', false, 'InvalidArgument', message, details, options);
    }
}

/** A limit or rule forbids it. */
export class Constraint extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('constraint', false, 'Constraint', message, details, options);
    }
}

/** Something read was changed meanwhile; the same call may succeed later. */
export class Conflict extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('conflict', true, 'Conflict', message, details, options);
    }
}

/** The number leaves its range. */
export class Overflow extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('overflow', false, 'Overflow', message, details, options);
    }
}

/** That history is no longer kept. */
export class HistoryTrimmed extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('history_trimmed', false, 'HistoryTrimmed', message, details, options);
    }
}

/** Somebody else holds it; the same call may succeed later. */
export class Busy extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('busy', true, 'Busy', message, details, options);
    }
}

/** The quota is used up; the same call may succeed later. */
export class Quota extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('quota', true, 'Quota', message, details, options);
    }
}

/** Who you are is not known. */
export class Unauthorized extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('unauthorized', false, 'Unauthorized', message, details, options);
    }
}

/** You may not do this. */
export class Forbidden extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('forbidden', false, 'Forbidden', message, details, options);
    }
}

/** Not available now; the same call may succeed later. */
export class Unavailable extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('unavailable', true, 'Unavailable', message, details, options);
    }
}

/** Stored bytes are not what was written. */
export class Corrupt extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('corrupt', false, 'Corrupt', message, details, options);
    }
}

/** The storage failed. */
export class Io extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('io', false, 'Io', message, details, options);
    }
}

/** The storage is full; the same call may succeed later. */
export class NoSpace extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('no_space', true, 'NoSpace', message, details, options);
    }
}

/** Out of memory; the same call may succeed later. */
export class NoMemory extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('no_memory', true, 'NoMemory', message, details, options);
    }
}

/** It took too long; the same call may succeed later. */
export class Timeout extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('timeout', true, 'Timeout', message, details, options);
    }
}

/** It is closed. */
export class Closed extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('closed', false, 'Closed', message, details, options);
    }
}

/** A defect of Strata itself. */
export class Internal extends StrataError {
    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
        super('internal', false, 'Internal', message, details, options);
    }
}

/** The number of each code in the C ABI, and its class. */
export const errorTable = {
    not_found: { status: 1, make: NotFound },
    already_exists: { status: 2, make: AlreadyExists },
    wrong_type: { status: 3, make: WrongType },
    invalid_key: { status: 4, make: InvalidKey },
    invalid_path: { status: 5, make: InvalidPath },
    invalid_argument: { status: 6, make: InvalidArgument },
    constraint: { status: 7, make: Constraint },
    conflict: { status: 8, make: Conflict },
    overflow: { status: 9, make: Overflow },
    history_trimmed: { status: 10, make: HistoryTrimmed },
    busy: { status: 11, make: Busy },
    quota: { status: 12, make: Quota },
    unauthorized: { status: 13, make: Unauthorized },
    forbidden: { status: 14, make: Forbidden },
    unavailable: { status: 15, make: Unavailable },
    corrupt: { status: 16, make: Corrupt },
    io: { status: 17, make: Io },
    no_space: { status: 18, make: NoSpace },
    no_memory: { status: 19, make: NoMemory },
    timeout: { status: 20, make: Timeout },
    closed: { status: 21, make: Closed },
    internal: { status: 22, make: Internal },
} as const;
