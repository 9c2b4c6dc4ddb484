/* What `import ... from 'strata-db'` gives besides open. */
export type { Camel, PageOptions } from './caller.js';
export { Database, Run } from './database.js';
export type { DocumentListOptions, Documents } from './documents.js';
export type {
    Collection,
    CollectionOptions,
    Embedding,
    FoundVector,
    StoredVector,
    VectorEntry,
    VectorListOptions,
    VectorPutOptions,
    Vectors,
    VectorSearchOptions,
    VectorSearched,
} from './vectors.js';
export type { Entities, EntityFindOptions, EntityListOptions, EntityOptions } from './entities.js';
export { type ErrorDetails, StrataError } from './errors.js';
export type { Condition, Filter, FindOptions } from './find.js';
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
    Change,
    Commit,
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
    Edge,
    EdgeNeighboursResult,
    EdgePathResult,
    EdgeTraverseResult,
    Entry,
    EventAppendResult,
    EventHeadResult,
    EventRecord,
    EventType,
    EventVerifyResult,
    Hit,
    Index,
    Item,
    Memory,
    MemoryRememberResult,
    Mismatch,
    MergeConflict,
    OperationName,
    Operations,
    PatchOperation,
    Plan,
    Problem,
    Reached,
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
    Trace,
    TraceRecordResult,
    TraceTreeResult,
    TxnInfoResult,
} from './generated/operations.js';
export type {
    DiffOptions,
    DiffPoints,
    DiffSummary,
    ExplainOptions,
    Explanation,
    History,
    HistoryRange,
    LogOptions,
    MergeOptions,
    Primitive,
    StateOptions,
} from './history.js';
export type { LogLevel, LogLine, Progress } from './host.js';
export type { Indexes, IndexOptions } from './indexes.js';
export type { ExpiryOptions, Kv, KvListOptions, NewEntry } from './kv.js';
export type { Memories, MemoryListOptions, RecallOptions, RecallResult, RememberOptions } from './memories.js';
export type { AsOf, CallOptions, Durability, ImportSource, OpenOptions, When } from './options.js';
export type { Retention, RetentionOptions, RetentionScope } from './retention.js';
export type { SchemaOptions, Schemas } from './schemas.js';
export type { RunCreateOptions, RunEndOptions, RunForkOptions, RunQueryOptions, Runs, RunTagOptions } from './runs.js';
export { Scope } from './scope.js';
export type { Snapshots } from './snapshots.js';
export type { EventTail, EventTailOptions } from './tail.js';
export { type BeginOptions, type Isolation, Transaction, type TransactionOptions } from './transaction.js';
export type {
    EdgeListOptions,
    EdgeOptions,
    Edges,
    NeighbourOptions,
    PathOptions,
    TraverseOptions,
    WalkOptions,
} from './edges.js';
export type {
    TraceFilter,
    TraceOptions,
    TracePageOptions,
    TraceQueryOptions,
    Traces,
    TraceTreeOptions,
} from './traces.js';
export type { StateExpected, StateListOptions, States, TransitionOptions } from './states.js';
export { Float, float, type ObjectValue, type StoredObject, type StoredValue, type Value } from './values.js';
