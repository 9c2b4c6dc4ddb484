/* What `import ... from 'strata-db'` gives besides open. */
export type { Camel, PageOptions } from './caller.js';
export { Database, Run } from './database.js';
export type { DocumentListOptions, Documents } from './documents.js';
export type { Entities, EntityFindOptions, EntityListOptions, EntityOptions } from './entities.js';
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
    Cell,
    CellRevision,
    DbBackupResult,
    DbCheckpointResult,
    DbCompactResult,
    DbExportResult,
    DbStatsResult,
    DbVerifyResult,
    Document,
    DocumentRevision,
    Entity,
    EntityRevision,
    EntityUpsertResult,
    EntityVacuumResult,
    Entry,
    EventAppendResult,
    EventHeadResult,
    EventRecord,
    EventType,
    EventVerifyResult,
    Hit,
    Memory,
    MemoryRememberResult,
    Mismatch,
    OperationName,
    Operations,
    PatchOperation,
    Problem,
    RecallStats,
    RetentionGetResult,
    RetentionRule,
    PrimitiveStats,
    Revision,
    RunBeginResult,
    RunCreateResult,
    RunRecord,
    RunRevision,
    RunStatsResult,
    RunTagResult,
    Schema,
    SchemaPutResult,
    SchemaRevision,
    Snapshot,
    StateReadResult,
    StateSetResult,
    TxnInfoResult,
} from './generated/operations.js';
export type { LogLevel, LogLine, Progress } from './host.js';
export type { ExpiryOptions, Kv, KvListOptions, NewEntry } from './kv.js';
export type { Memories, MemoryListOptions, RecallOptions, RecallResult, RememberOptions } from './memories.js';
export type { AsOf, CallOptions, Durability, ImportSource, OpenOptions, When } from './options.js';
export type { Retention, RetentionOptions, RetentionScope } from './retention.js';
export type { RunCreateOptions, RunEndOptions, RunQueryOptions, Runs, RunTagOptions } from './runs.js';
export type { SchemaOptions, Schemas } from './schemas.js';
export { Scope } from './scope.js';
export type { Snapshots } from './snapshots.js';
export type { EventTail, EventTailOptions } from './tail.js';
export { type BeginOptions, type Isolation, Transaction, type TransactionOptions } from './transaction.js';
export type { StateExpected, StateListOptions, States, TransitionOptions } from './states.js';
export { Float, float, type ObjectValue, type StoredObject, type StoredValue, type Value } from './values.js';
