/* Errors from and to the forms they have outside JavaScript: a map on the wire, a number in the ABI. */
import { type ErrorDetails, StrataError } from './errors.js';
import { type ErrorCode, errorTable, Internal } from './generated/errors.js';

const codeOfStatus = new Map<number, ErrorCode>(
    (Object.keys(errorTable) as ErrorCode[]).map((code) => [errorTable[code].status, code]),
);

/** An error of that code. */
export function fault(code: ErrorCode, message: string, details?: ErrorDetails, cause?: unknown): StrataError {
    return new errorTable[code].make(message, details, cause === undefined ? undefined : { cause });
}

export function isCode(word: unknown): word is ErrorCode {
    return typeof word === 'string' && Object.hasOwn(errorTable, word);
}

/** The number that a host function returns for this error: minus its status. */
export function statusOf(error: unknown): number {
    return error instanceof StrataError ? errorTable[error.code].status : errorTable.io.status;
}

export function faultOfStatus(status: number, message: string, cause?: unknown): StrataError {
    const code = codeOfStatus.get(status);
    return code
        ? fault(code, message, undefined, cause)
        : new Internal(`${message} (status ${status})`, undefined, { cause });
}

/** The error in a response: {code, message, retryable, details}. */
export function faultOfWire(wire: unknown, cause?: unknown): StrataError {
    const { code, message, details } = (wire ?? {}) as Record<string, unknown>;
    if (!isCode(code)) {
        return new Internal(`the engine answered with an error that is not known here: ${String(code)}`);
    }
    return fault(code, String(message), (details ?? {}) as ErrorDetails, cause);
}
