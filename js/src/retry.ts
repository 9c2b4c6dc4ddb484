/* Doing again what met a conflict, when others have had time to go on. */
import { Conflict, InvalidArgument } from './generated/errors.js';

const RETRIES = 2;
const BACKOFF_MS = 10;
const BACKOFF_MS_MAX = 1000;

export async function again<Result>(
    retries: number | undefined = RETRIES,
    signal: AbortSignal | undefined,
    body: () => Promise<Result>,
): Promise<Result> {
    if (!(Number.isInteger(retries) && retries >= 0)) {
        throw new InvalidArgument(`retries must be a whole number, not ${String(retries)}`);
    }
    for (let tries = 1; ; tries++) {
        try {
            return await body();
        } catch (error) {
            if (!(error instanceof Conflict) || tries > retries) {
                throw error;
            }
        }
        await pause(tries, signal);
    }
}

/* Exponential, and half of it by chance, so that two that met do not meet again. */
function pause(tries: number, signal: AbortSignal | undefined): Promise<void> {
    const most = Math.min(BACKOFF_MS * 2 ** (tries - 1), BACKOFF_MS_MAX);
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
        const onAbort = (): void => {
            clearTimeout(timer);
            reject(signal?.reason);
        };
        const timer = setTimeout(() => {
            signal?.removeEventListener('abort', onAbort);
            resolve();
        }, most * (0.5 + Math.random() / 2));
        signal?.addEventListener('abort', onAbort, { once: true });
    });
}
