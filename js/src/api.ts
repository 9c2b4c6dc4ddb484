/* What `import ... from 'strata-db'` gives besides open. */
export type { Camel, PageOptions } from './caller.js';
export { Database, Run } from './database.js';
export { Scope } from './scope.js';
export { type ErrorDetails, StrataError } from './errors.js';
export type { EventRangeOptions, Events } from './events.js';
export {
    AlreadyExists,
    Busy,
    Closed,
    Conflict,
    Constraint,
    Corrupt,
    type ErrorCode,
    Forbidden,
    HistoryTrimmed,
    Internal,
    InvalidArgument,
    InvalidKey,
    InvalidPath,
    Io,
    NoMemory,
    NoSpace,
    NotFound,
    Overflow,
    Quota,
    Timeout,
    Unauthorized,
    Unavailable,
    WrongType,
} from './generated/errors.js';
export type {
    Entry,
    EventAppendResult,
    EventHeadResult,
    EventRecord,
    EventVerifyResult,
    Hit,
    Memory,
    MemoryRememberResult,
    OperationName,
    Operations,
    Problem,
    RecallStats,
    Revision,
    RunCreateResult,
    RunRecord,
    TxnInfoResult,
} from './generated/operations.js';
export type { LogLevel, LogLine, Progress } from './host.js';
export type { AsOf, Kv, KvListOptions } from './kv.js';
export type { Memories, MemoryListOptions, RecallOptions, RecallResult, RememberOptions } from './memories.js';
export type { CallOptions, Durability, OpenOptions } from './options.js';
export type { RunCreateOptions, Runs } from './runs.js';
export { type BeginOptions, type Isolation, Transaction, type TransactionOptions } from './transaction.js';
export { Float, float, type ObjectValue, type StoredObject, type StoredValue, type Value } from './values.js';
