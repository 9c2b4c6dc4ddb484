/* What a page and its worker say to each other. Bytes are transferred, not copied. */
import type { ErrorDetails } from './errors.js';
import type { LogLine, Progress } from './host.js';

export type ToWorker =
    /** First, once. name: of the OPFS database; null for ':memory:'. source: what is to be imported. */
    | {
          kind: 'open';
          name: string | null;
          request: Uint8Array;
          syncIntervalMs: number | undefined;
          source: Blob | undefined;
      }
    | { kind: 'exec'; id: number; request: Uint8Array<ArrayBuffer>; write: boolean }
    /** Last. */
    | { kind: 'close' };

export type FromWorker =
    | { kind: 'progress'; progress: Progress }
    | { kind: 'log'; line: LogLine }
    /** lifeLock: a Web Lock held as long as the worker lives; '' where there are none. */
    | { kind: 'opened'; lifeLock: string }
    | { kind: 'failed'; error: WireError }
    | { kind: 'answer'; id: number; response: Uint8Array; failure: unknown }
    /** The engine is dead; every call fails with this. */
    | { kind: 'broken'; id: number; error: WireError }
    | { kind: 'closed'; error: WireError | undefined };

export interface WireError {
    code: string;
    message: string;
    details: ErrorDetails;
    cause: unknown;
}

/** An error in a form that can be posted; classes do not survive that. */
export function toWire(error: unknown): WireError {
    const { code, message, details, cause } = error as Partial<WireError>;
    const known = typeof code === 'string';
    return {
        code: known ? code : 'internal',
        message: known ? String(message) : `defect in the worker: ${String(error)}`,
        details: details ?? {},
        cause: postable(cause),
    };
}

/** Errors can be posted as they are, most other things as words. */
export function postable(cause: unknown): unknown {
    if (cause === undefined) {
        return undefined;
    }
    return cause instanceof Error || cause instanceof DOMException ? `${cause.name}: ${cause.message}` : String(cause);
}
