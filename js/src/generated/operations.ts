// Made by tools/gen_ops.py from core/api/ops.def; `make gen` makes it again.
import type { ObjectValue, StoredObject, StoredValue, Value } from '../values.js';

/** One key of a run at one version. */
export interface Entry {
    /** The key. */
    key: string;
    /** The value. */
    value: StoredValue;
    /** The commit that wrote it. */
    version: bigint;
    /** When it was committed. */
    timestamp: number;
    /** When it ends, if it does. */
    expires?: number | undefined;
}

/** One value to store. */
export interface PutEntry {
    /** The key. */
    key: string;
    /** The value. */
    value: Value;
    /** It ends after so many milliseconds. */
    ttl_ms?: number | bigint | undefined;
}

/** One version in the history of a key. */
export interface Revision {
    /** The commit. */
    version: bigint;
    /** When it was committed. */
    timestamp: number;
    /** Whether this version is a delete. */
    deleted: boolean;
    /** The value, when it is not a delete. */
    value?: StoredValue | undefined;
    /** When it ends, if it does. */
    expires?: number | undefined;
}

/** One event of a run's log. */
export interface EventRecord {
    /** Its number, from 1, without gaps. */
    sequence: number;
    /** Its type. */
    type: string;
    /** Its payload. */
    payload: StoredObject;
    /** The commit that appended it. */
    version: bigint;
    /** When it was committed; part of the hash. */
    timestamp: number;
    /** SHA-256 over sequence, type, timestamp, payload and previous hash. */
    hash: Uint8Array;
}

/** What a commit did to one thing. */
export interface Change {
    /** The thing. */
    ref: string;
    /** put or delete. */
    kind: string;
    /** In a replay: what was put; as in history.state. Left out of a document of which retention has taken what was changed. */
    value?: StoredValue | undefined;
}

/** One commit of a run. */
export interface Commit {
    /** Its number. */
    version: bigint;
    /** When it was made. */
    timestamp: number;
    /** What its transaction was called. */
    label?: string | undefined;
    /** The id of the trace record that it belongs to. */
    trace?: string | undefined;
    /** In order of the things; in a log at most 100. */
    changes: Change[];
    /** How many changes it has. */
    count: number;
}

/** A thing of a run at one version. */
export interface Item {
    /** The thing. */
    ref: string;
    /** Of a key, a state cell or a document its value; of an event {type, payload}; of a trace {type, content, parent?, tags?, metadata?}; of a memory {text, tags?, metadata?}; of an edge {weight?, properties?}. */
    value: StoredValue;
    /** The commit that wrote it. */
    version: bigint;
    /** When it was committed. */
    timestamp: number;
    /** When it ends, if it does. */
    expires?: number | undefined;
}

/** Where in a document two points differ. */
export interface PathChange {
    /** A JSON Pointer, into the document of the second point where there is something, else of the first. */
    path: string;
    /** added, removed or changed. */
    kind: string;
    /** What was there. */
    before?: StoredValue | undefined;
    /** What is there. */
    after?: StoredValue | undefined;
}

/** A thing in which two points differ. */
export interface Difference {
    /** The thing. */
    ref: string;
    /** added, removed or changed. */
    kind: string;
    /** Its value at the first point, unless it was not there; as in history.state. */
    before?: StoredValue | undefined;
    /** Its value at the other one, unless it is not there. */
    after?: StoredValue | undefined;
    /** Of a document that changed: where; at most 100. Elements of arrays meet by their identity, so an insertion is one change. */
    paths?: PathChange[] | undefined;
    /** The commit of the one, */
    before_version?: bigint | undefined;
    /** and of the other. */
    after_version?: bigint | undefined;
}

/** A thing that both sides have changed, and not to the same. */
export interface MergeConflict {
    /** The thing; of a document that both have, what of it: json:plan#/steps. */
    ref: string;
    /** What it was when they parted, unless it was not there. */
    base?: StoredValue | undefined;
    /** What the source has, unless it was deleted there. */
    source?: StoredValue | undefined;
    /** What the target has, or had before the merge, unless it was deleted there. */
    target?: StoredValue | undefined;
}

/** A version of a thing, and the commit that wrote it. */
export interface Explained {
    /** The place in the list of what had read this; left out for versions of the thing itself. */
    parent?: number | undefined;
    /** How far below the thing itself; 0: a version of it. */
    depth: number;
    /** The thing. */
    ref: string;
    /** The commit that wrote it; 0: it was not there. */
    version: bigint;
    /** When that was, unless retention has let it go. */
    timestamp?: number | undefined;
    /** true: it was deleted. */
    deleted?: boolean | undefined;
    /** true: it is in the list already, and explained there. */
    again?: boolean | undefined;
    /** Its value, unless it is deleted or gone; as in history.state. */
    value?: StoredValue | undefined;
    /** What the transaction was called. */
    label?: string | undefined;
    /** The id of the trace record that the commit belongs to. */
    trace?: string | undefined;
    /** true: what the commit had read was recorded, and comes below. */
    recorded?: boolean | undefined;
    /** What else the commit wrote, events and traces too; at most 100. */
    wrote?: string[] | undefined;
    /** How many those are. */
    wrote_count?: number | undefined;
}

/** A run: one line of an agent's work, with its own keys. */
export interface RunRecord {
    /** Its name. */
    name: string;
    /** active, paused, completed, failed, cancelled or archived. */
    status: string;
    /** Its tags. */
    tags: string[];
    /** Its metadata. */
    metadata: StoredObject;
    /** The run it belongs under. */
    parent?: string | undefined;
    /** Why it failed. */
    error?: string | undefined;
    /** true: it keeps what its commits had read, for history.explain. */
    provenance?: boolean | undefined;
    /** Of a fork: it sees the parent as a reader of this commit did. */
    forked_at?: bigint | undefined;
    /** Of a fork from a time: it sees the parent as a reader at this time did. */
    forked_at_time?: number | undefined;
    /** When it was created. */
    created: number;
    /** When its record last changed. */
    updated: number;
    /** The commit of its record. */
    version: bigint;
}

/** One version of the record of a run. */
export interface RunRevision {
    /** The commit. */
    version: bigint;
    /** When it was committed. */
    timestamp: number;
    /** Whether the run was deleted here. */
    deleted: boolean;
    /** The record, when it was not. */
    run?: RunRecord | undefined;
}

/** What a run holds of one primitive. */
export interface PrimitiveStats {
    /** kv, event, state, trace, json, memory, edge, schema, entity or provenance. */
    primitive: string;
    /** Keys that have a value. */
    keys: number;
    /** Versions that are kept, deletes included. */
    versions: number;
    /** Bytes of their keys and values, before compression. */
    bytes: number;
}

/** What a run's log has of one type of event. */
export interface EventType {
    /** The type. */
    type: string;
    /** How many. */
    count: number;
    /** The sequence of the first one. */
    first: number;
    /** The sequence of the last one. */
    last: number;
    /** When the first one was committed. */
    first_time: number;
    /** When the last one was committed. */
    last_time: number;
}

/** One memory. */
export interface Memory {
    /** Its key. */
    key: string;
    /** Its text. */
    text: string;
    /** Its metadata. */
    metadata: StoredObject;
    /** Its tags. */
    tags: string[];
    /** The commit that wrote it. */
    version: bigint;
    /** When it was committed. */
    timestamp: number;
}

/** One memory that a recall found. */
export interface Hit {
    /** Its EntityRef: memory:KEY. */
    ref: string;
    /** Its key. */
    key: string;
    /** BM25; higher is better. */
    score: number;
    /** Its place, from 1. */
    rank: number;
    /** An excerpt, the words found in [brackets]. */
    snippet?: string | undefined;
    /** The whole text, when with_text is true. */
    text?: string | undefined;
    /** The metadata, when with_text is true. */
    metadata?: StoredObject | undefined;
    /** The commit that wrote it. */
    version: bigint;
    /** When it was committed. */
    timestamp: number;
}

/** What a recall cost. */
export interface RecallStats {
    /** Wall time, microseconds. */
    elapsed_us: number;
    /** Memories scored. */
    candidates: number;
    /** Memories in the run at the snapshot. */
    memories: number;
    /** Distinct words of the query after stemming. */
    terms: number;
}

/** One state cell. */
export interface Cell {
    /** Its name. */
    name: string;
    /** Its value. */
    value: StoredValue;
    /** How often it was written since it was made, from 1. */
    counter: number;
    /** The commit that wrote it. */
    version: bigint;
    /** When it was committed. */
    timestamp: number;
}

/** One version in the history of a state cell. */
export interface CellRevision {
    /** Whether this version is a delete. */
    deleted: boolean;
    /** The value, when it is not a delete. */
    value?: StoredValue | undefined;
    /** Its counter, when it is not a delete. */
    counter?: number | undefined;
    /** The commit. */
    version: bigint;
    /** When it was committed. */
    timestamp: number;
}

/** A record of what an agent did, and why. */
export interface Trace {
    /** Its id. */
    id: string;
    /** tool_call, decision, query, thought, error, or any other word. */
    type: string;
    /** The fields of its type. */
    content: StoredObject;
    /** The record it came of. */
    parent?: string | undefined;
    /** Its tags. */
    tags: string[];
    /** Its metadata. */
    metadata: StoredObject;
    /** In a tree: generations below its root. */
    depth?: number | undefined;
    /** The commit that wrote it. */
    version: bigint;
    /** When it was committed. */
    timestamp: number;
}

/** A typed link from one name to another. */
export interface Edge {
    /** Where it begins. */
    src: string;
    /** Its type. */
    type: string;
    /** Where it ends. */
    dst: string;
    /** Its weight, if it has one. */
    weight?: number | undefined;
    /** Its properties. */
    properties: StoredObject;
    /** The commit that wrote it. */
    version: bigint;
    /** When it was committed. */
    timestamp: number;
}

/** A name that was reached, and the edge that led to it. */
export interface Reached {
    /** The name. */
    name: string;
    /** Edges on the way that it was reached by, from 1. */
    depth: number;
    /** Where the last of them begins. */
    src: string;
    /** Its type. */
    type: string;
    /** Where it ends. */
    dst: string;
}

/** A rule of retention. */
export interface RetentionRule {
    /** The run it is of; every one when left out. */
    run?: string | undefined;
    /** Its primitive; all when left out. */
    primitive?: string | undefined;
    /** all, last or for. */
    keep: string;
    /** How many, for last. */
    versions?: number | undefined;
    /** How long, for for. */
    duration_ms?: number | undefined;
    /** The commit that set it. */
    version: bigint;
    /** When it was committed. */
    timestamp: number;
}

/** Damage that verify found. */
export interface Problem {
    /** The file, or the run and primitive. */
    file: string;
    /** Byte offset in the file, or the event's sequence. */
    offset: number;
    /** What is wrong. */
    what: string;
}

/** A state of the database that is kept under a name. */
export interface Snapshot {
    /** Its number; never used again. */
    number: number;
    /** Its name. */
    name: string;
    /** The last commit in it. */
    version: bigint;
    /** When it was made. */
    time: number;
    /** Files that it needs; it shares them with the database and with other snapshots. */
    files: number;
    /** Bytes of them. */
    bytes: number;
}

/** A JSON document of a run. */
export interface Document {
    /** Its key. */
    key: string;
    /** The newest commit that has touched it. */
    version: bigint;
    /** When that was. */
    timestamp: number;
    /** The whole of it, when asked for. */
    document?: StoredObject | undefined;
}

/** A version of a document. */
export interface DocumentRevision {
    /** The commit. */
    version: bigint;
    /** When it was committed. */
    timestamp: number;
    /** Whether the document was destroyed. */
    deleted: boolean;
    /** Whether it was written as a whole, rather than changed. */
    whole: boolean;
    /** What it was then, when asked for. */
    document?: StoredObject | undefined;
}

/** One operation of a patch (RFC 6902). */
export interface PatchOperation {
    /** add, remove, replace, move, copy or test. */
    op: string;
    /** Where. */
    path: string;
    /** From where, of move and copy. */
    from?: string | undefined;
    /** What, of add, replace and test. */
    value?: Value | undefined;
}

/** How a question was answered. */
export interface Plan {
    /** scan: everything was looked at; equal, in, range: an index by value; order: an index in its order. */
    kind: string;
    /** The index that was used. */
    index?: string | undefined;
    /** Things that were looked at. */
    examined: number;
}

/** A secondary index of a run. */
export interface Index {
    /** Its name. */
    name: string;
    /** What it is on: json, memory, vector or entity. */
    primitive: string;
    /** The schema of the entities it is on. */
    schema?: string | undefined;
    /** The path whose values are in it; of an array each element. */
    path: string;
    /** Whether it is used; false while it is being made, or if that was interrupted: make it again. */
    ready: boolean;
    /** The commit that wrote this. */
    version: bigint;
    /** When that was. */
    timestamp: number;
}

/** A schema: what entities of its name look like. */
export interface Schema {
    /** Its name. */
    name: string;
    /** The JSON Schema. */
    schema: StoredObject;
    /** The path of what identifies an entity. */
    key_field?: string | undefined;
    /** Paths that have an index. */
    indexed?: string[] | undefined;
    /** Paths whose text is to have an embedding. */
    embedding?: string[] | undefined;
    /** Paths that are to be encrypted. */
    encrypted?: string[] | undefined;
    /** The commit that put it. */
    version: bigint;
    /** When that was. */
    timestamp: number;
}

/** One version of a schema. */
export interface SchemaRevision {
    /** The commit. */
    version: bigint;
    /** When it was committed. */
    timestamp: number;
    /** Whether it was deleted here. */
    deleted: boolean;
    /** What it was, when it was not. */
    schema?: Schema | undefined;
}

/** An entity that does not fit its schema. */
export interface Mismatch {
    /** Its id. */
    id: string;
    /** A JSON Pointer to the first thing that does not fit. */
    path: string;
    /** The keyword of the schema that it does not fit. */
    keyword: string;
}

/** A JSON document that fits a schema. */
export interface Entity {
    /** Its schema. */
    schema: string;
    /** Its id. */
    id: string;
    /** Its URI, if it has one. */
    uri?: string | undefined;
    /** The document. */
    document: StoredObject;
    /** Whether it was deleted, and can be restored. */
    deleted: boolean;
    /** The commit that wrote it, or deleted it. */
    version: bigint;
    /** When that was. */
    timestamp: number;
}

/** One version of an entity. */
export interface EntityRevision {
    /** The commit. */
    version: bigint;
    /** When it was committed. */
    timestamp: number;
    /** Whether it is deleted here, or purged. */
    deleted: boolean;
    /** Whether it was purged here. */
    purged: boolean;
    /** The document, when asked for and not purged. */
    document?: StoredObject | undefined;
}

/** A collection of embeddings that are compared with each other. */
export interface Collection {
    /** Its name. */
    name: string;
    /** Numbers of an embedding. */
    dimension: number;
    /** cosine, euclidean or dot. */
    metric: string;
    /** How the index codes them, as asked for: auto, f32, i8 or b1. */
    codes: string;
    /** What that has become: f32 or i8. */
    coded_as: string;
    /** The seed of the index. */
    seed: number;
    /** The commit that made it. */
    version: bigint;
    /** When that was. */
    timestamp: number;
}

/** What is in memory of a collection's index. */
export interface VectorIndexStats {
    /** Versions of entries, with those that are searched in the past only. */
    entries: number;
    /** Those that the newest search finds. */
    live: number;
    /** Entries in parts with a graph. */
    linked: number;
    /** Entries that are not: a search looks at all of them. */
    lag: number;
    /** Parts that a search goes through. */
    parts: number;
    /** Memory, but for pages of what is larger than it. */
    bytes: number;
}

/** One entry to store. */
export interface VectorInput {
    /** The key. */
    key: string;
    /** Bytes or an array of numbers, as in vector.upsert. */
    embedding: Value;
    /** Anything; filters ask it. */
    metadata?: ObjectValue | undefined;
    /** What it is the embedding of. */
    text?: string | undefined;
}

/** An entry of a collection. */
export interface Vector {
    /** Its key. */
    key: string;
    /** An array of numbers, if asked for. */
    embedding?: StoredValue | undefined;
    /** Its metadata, if it has any. */
    metadata?: StoredObject | undefined;
    /** Its text, if it has one. */
    text?: string | undefined;
    /** The commit that stored it. */
    version: bigint;
    /** When that was. */
    timestamp: number;
}

/** One version of an entry. */
export interface VectorRevision {
    /** The commit. */
    version: bigint;
    /** When it was committed. */
    timestamp: number;
    /** Whether it was deleted here. */
    deleted: boolean;
    /** An array of numbers, if asked for and not deleted. */
    embedding?: StoredValue | undefined;
    /** Its metadata, if it has any. */
    metadata?: StoredObject | undefined;
    /** Its text, if it has one. */
    text?: string | undefined;
}

/** Where a score comes from. */
export interface VectorExplain {
    /** cosine: the score is 1 - distance; euclidean: 1 / (1 + the root of distance); dot: -distance. */
    metric: string;
    /** Between the embeddings; lower is nearer. */
    distance: number;
}

/** An entry that was found. */
export interface VectorHit {
    /** Its key. */
    key: string;
    /** Higher is better: the cosine, 1 / (1 + the Euclidean distance), or the dot product. */
    score: number;
    /** The commit that stored it; 0: the transaction itself. */
    version: bigint;
    /** Its metadata, if asked for and it has any. */
    metadata?: StoredObject | undefined;
    /** Its text, if asked for and it has one. */
    text?: string | undefined;
    /** An array of numbers, if asked for. */
    embedding?: StoredValue | undefined;
    /** Present when asked for. */
    explain?: VectorExplain | undefined;
}

/** What a search cost. */
export interface VectorStats {
    /** Codes that were compared. */
    compared: number;
    /** Embeddings that were read to decide. */
    fetched: number;
    /** Parts of the index that were walked through. */
    walked: number;
    /** Parts that were looked at as a whole. */
    scanned: number;
    /** Whether an index answered. False: all entries were read, as they are for a moment in time, and where history has gone. */
    indexed: boolean;
}

/** Arguments of run.create: Creates an active run. */
export interface RunCreateArgs {
    /** 1-255 bytes, unique; made from time and chance when left out. */
    name?: string | undefined;
    /** A run that must exist. */
    parent?: string | undefined;
    /** Words to find it by; one that comes again is left out. */
    tags?: readonly string[] | undefined;
    /** Anything. */
    metadata?: ObjectValue | undefined;
    /** Keeps what the commit of each of its transactions had read, for history.explain. */
    provenance?: boolean | undefined;
}

/** Result of run.create. */
export interface RunCreateResult {
    /** The name. */
    name: string;
    /** The commit. */
    version: bigint;
}

/** Arguments of run.get: The record of a run. */
export interface RunGetArgs {
    /** The run. */
    name: string;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of run.get. */
export interface RunGetResult {
    /** The record. */
    run: RunRecord;
}

/** Arguments of run.list: The runs in order of name. */
export interface RunListArgs {
    /** Only those in this state. */
    status?: string | undefined;
    /** Only those with this tag. */
    tag?: string | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of run.list. */
export interface RunListResult {
    /** The page. */
    runs: RunRecord[];
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of run.begin: The run of that name, active: created if there is none, resumed if it is paused. */
export interface RunBeginArgs {
    /** 1-255 bytes. */
    name: string;
    /** A run that must exist; when it is created. */
    parent?: string | undefined;
    /** Words to find it by; when it is created. */
    tags?: readonly string[] | undefined;
    /** Anything; when it is created. */
    metadata?: ObjectValue | undefined;
    /** As of run.create; when it is created. */
    provenance?: boolean | undefined;
}

/** Result of run.begin. */
export interface RunBeginResult {
    /** Whether it was created now. */
    created: boolean;
    /** The commit; present when it was created or resumed. */
    version?: bigint | undefined;
}

/** Arguments of run.end: Closes a run to writes. */
export interface RunEndArgs {
    /** The run. */
    name: string;
    /** completed (when left out), failed or cancelled. */
    status?: string | undefined;
    /** Why it failed or was cancelled. */
    error?: string | undefined;
}

/** Result of run.end. */
export interface RunEndResult {
    /** The commit. */
    version: bigint;
}

/** Arguments of run.tag: Changes the tags of a run, whatever its status; they are a set, in the order in which they were first added. */
export interface RunTagArgs {
    /** The run. */
    name: string;
    /** Tags it is to lose. */
    remove?: readonly string[] | undefined;
    /** Tags it is to have; a tag that is also removed is added last. */
    add?: readonly string[] | undefined;
}

/** Result of run.tag. */
export interface RunTagResult {
    /** Whether anything was written. */
    changed: boolean;
    /** The commit; present when anything was. */
    version?: bigint | undefined;
}

/** Arguments of run.update: Changes the metadata of a run, whatever its status, as RFC 7396 has it: null removes, objects are merged, the rest is replaced. Or whether it keeps provenance. */
export interface RunUpdateArgs {
    /** The run. */
    name: string;
    /** What is different. */
    metadata?: ObjectValue | undefined;
    /** Whether it keeps from now on what its commits had read; as of run.create. */
    provenance?: boolean | undefined;
}

/** Result of run.update. */
export interface RunUpdateResult {
    /** Whether anything was written. */
    changed: boolean;
    /** The commit; present when anything was. */
    version?: bigint | undefined;
}

/** Arguments of run.query: The runs that fit all that is asked, in order of name. Cost: looks at every run with that beginning of a name, once over all pages. */
export interface RunQueryArgs {
    /** Only those whose names begin so. */
    prefix?: string | undefined;
    /** Only those in this state. */
    status?: string | undefined;
    /** Only those with any of these tags. */
    tags?: readonly string[] | undefined;
    /** Only those under this run. */
    parent?: string | undefined;
    /** Only those created at or after this time. */
    created_after?: number | bigint | undefined;
    /** Only those created before this time. */
    created_before?: number | bigint | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of run.query. */
export interface RunQueryResult {
    /** The page. */
    runs: RunRecord[];
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of run.children: The runs under a run, in order of name. Cost: looks at every run, once over all pages. */
export interface RunChildrenArgs {
    /** The run. */
    name: string;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of run.children. */
export interface RunChildrenResult {
    /** The page. */
    runs: RunRecord[];
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of run.history: The versions of the record of a run, newest first: each change of its status, tags and metadata. */
export interface RunHistoryArgs {
    /** The run. */
    name: string;
    /** Only versions below this one. */
    before?: number | bigint | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
}

/** Result of run.history. */
export interface RunHistoryResult {
    /** The versions. */
    revisions: RunRevision[];
    /** Present when there are more: what `before` is for the next page. */
    next?: bigint | undefined;
}

/** Arguments of run.stats: What a run holds. Cost: reads all of it. */
export interface RunStatsArgs {
    /** The run. */
    name: string;
}

/** Result of run.stats. */
export interface RunStatsResult {
    /** Of each primitive that it has anything of. */
    primitives: PrimitiveStats[];
    /** Events in its log. */
    events: number;
    /** Bytes of all keys and values, before compression; indexes included. */
    bytes: number;
    /** The first commit to it that is kept; these four are there when anything was written to it. */
    first_version?: bigint | undefined;
    /** When that was. */
    first_time?: number | undefined;
    /** The last commit to it. */
    last_version?: bigint | undefined;
    /** When that was. */
    last_time?: number | undefined;
}

/** Arguments of run.fork: Creates an active run that sees another one as it was at some point, and goes on by itself. It costs the same whatever that run holds. */
export interface RunForkArgs {
    /** The run to fork; "default" when left out. */
    run?: string | undefined;
    /** As it was after this commit; now when both are left out. */
    as_of?: number | bigint | undefined;
    /** As it was at this time; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
    /** Of the fork: 1-255 bytes, unique; made from time and chance when left out. */
    name?: string | undefined;
    /** Words to find it by. */
    tags?: readonly string[] | undefined;
    /** Anything. */
    metadata?: ObjectValue | undefined;
}

/** Result of run.fork. */
export interface RunForkResult {
    /** The name of the fork. */
    name: string;
    /** The commit that made it. */
    version: bigint;
    /** The run that was forked: its parent. */
    forked_from: string;
    /** It sees the parent as a reader of this commit did. */
    at?: bigint | undefined;
    /** It sees the parent as a reader at this time did; in place of at, for a time before the parent's last commit. */
    at_time?: number | undefined;
}

/** Arguments of run.delete: Deletes a run with all its keys and their history, and its rules of retention. Forks of it go on to see what they saw. */
export interface RunDeleteArgs {
    /** The run. */
    name: string;
}

/** Result of run.delete. */
export interface RunDeleteResult {
    /** The commit. */
    version: bigint;
}

/** Arguments of run.pause: active -> paused: refuses writes until resumed. */
export interface RunPauseArgs {
    /** The run. */
    name: string;
}

/** Result of run.pause. */
export interface RunPauseResult {
    /** The commit. */
    version: bigint;
}

/** Arguments of run.resume: paused -> active. */
export interface RunResumeArgs {
    /** The run. */
    name: string;
}

/** Result of run.resume. */
export interface RunResumeResult {
    /** The commit. */
    version: bigint;
}

/** Arguments of run.complete: active -> completed: the run is closed to writes. */
export interface RunCompleteArgs {
    /** The run. */
    name: string;
}

/** Result of run.complete. */
export interface RunCompleteResult {
    /** The commit. */
    version: bigint;
}

/** Arguments of run.fail: active or paused -> failed, with the reason. */
export interface RunFailArgs {
    /** The run. */
    name: string;
    /** Why. */
    error: string;
}

/** Result of run.fail. */
export interface RunFailResult {
    /** The commit. */
    version: bigint;
}

/** Arguments of run.cancel: active or paused -> cancelled. */
export interface RunCancelArgs {
    /** The run. */
    name: string;
}

/** Result of run.cancel. */
export interface RunCancelResult {
    /** The commit. */
    version: bigint;
}

/** Arguments of run.archive: Any state -> archived, for good. */
export interface RunArchiveArgs {
    /** The run. */
    name: string;
}

/** Result of run.archive. */
export interface RunArchiveResult {
    /** The commit. */
    version: bigint;
}

/** Arguments of kv.put: Stores a value under a key. */
export interface KvPutArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** 1-1024 bytes of UTF-8, no NUL, not beginning with _strata/. */
    key: string;
    /** Any value. */
    value: Value;
    /** It ends after so many milliseconds, at least 1; when left out it stays, whatever was there before. */
    ttl_ms?: number | bigint | undefined;
}

/** Result of kv.put. */
export interface KvPutResult {
    /** The commit. */
    version: bigint;
}

/** Arguments of kv.get: The value of a key. */
export interface KvGetArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The key. */
    key: string;
    /** As a reader of this commit number saw it; one that has not happened is refused. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of kv.get. */
export interface KvGetResult {
    /** The value. */
    value: StoredValue;
    /** The commit that wrote it. */
    version: bigint;
    /** When it was committed. */
    timestamp: number;
    /** When it ends, if it does. */
    expires?: number | undefined;
}

/** Arguments of kv.delete: Deletes a key; its history stays. */
export interface KvDeleteArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The key. */
    key: string;
}

/** Result of kv.delete. */
export interface KvDeleteResult {
    /** Whether there was a value. */
    existed: boolean;
    /** The commit; present when it existed. */
    version?: bigint | undefined;
}

/** Arguments of kv.exists: Whether a key has a value. */
export interface KvExistsArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The key. */
    key: string;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of kv.exists. */
export interface KvExistsResult {
    /** Whether it has. */
    exists: boolean;
}

/** Arguments of kv.list: Keys and values in order of key (byte order). */
export interface KvListArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Only keys that begin so. */
    prefix?: string | undefined;
    /** Only keys from here on (inclusive). */
    start?: string | undefined;
    /** Only keys before this one (exclusive). */
    end?: string | undefined;
    /** From the last to the first. */
    reverse?: boolean | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of kv.list. */
export interface KvListResult {
    /** The page. */
    entries: Entry[];
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of kv.count: How many keys have a value. */
export interface KvCountArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Only keys that begin so. */
    prefix?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of kv.count. */
export interface KvCountResult {
    /** How many. */
    count: number;
}

/** Arguments of kv.history: The versions of a key that are kept, newest first. */
export interface KvHistoryArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The key. */
    key: string;
    /** Only versions below this one. */
    before?: number | bigint | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
}

/** Result of kv.history. */
export interface KvHistoryResult {
    /** The versions; none if the key never existed, or nothing of it is kept. */
    revisions: Revision[];
    /** Present when there are more: what `before` is for the next page. */
    next?: bigint | undefined;
}

/** Arguments of kv.incr: Adds to an int; a missing key counts as 0. A time to live stays. */
export interface KvIncrArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The key. */
    key: string;
    /** 1 when left out. */
    by?: number | bigint | undefined;
}

/** Result of kv.incr. */
export interface KvIncrResult {
    /** The sum. */
    value: number | bigint;
    /** The commit. */
    version: bigint;
}

/** Arguments of kv.cas: Stores a value if the key still has the expected version or value. */
export interface KvCasArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The key. */
    key: string;
    /** The new value. */
    value: Value;
    /** 0: only if the key has no value. One of the two expectations is needed. */
    expected_version?: number | bigint | undefined;
    /** The value it must have; an object with its names in the same order. */
    expected_value?: Value | undefined;
    /** It ends after so many milliseconds, at least 1; when left out it stays, whatever was there before. */
    ttl_ms?: number | bigint | undefined;
}

/** Result of kv.cas. */
export interface KvCasResult {
    /** The commit. */
    version: bigint;
}

/** Arguments of kv.get_many: The values of several keys, all of one moment. */
export interface KvGetManyArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** 1-1000 keys. */
    keys: readonly string[];
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of kv.get_many. */
export interface KvGetManyResult {
    /** Those that have a value, in the order of the keys. */
    entries: Entry[];
    /** The keys that have none. */
    missing: string[];
}

/** Arguments of kv.put_many: Stores several values in one commit, or none. */
export interface KvPutManyArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** 1-1000 of them, no key twice. */
    entries: readonly PutEntry[];
}

/** Result of kv.put_many. */
export interface KvPutManyResult {
    /** The commit. */
    version: bigint;
}

/** Arguments of kv.delete_many: Deletes several keys in one commit, or none; their history stays. */
export interface KvDeleteManyArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** 1-1000 keys, none twice. */
    keys: readonly string[];
}

/** Result of kv.delete_many. */
export interface KvDeleteManyResult {
    /** Of each key, in their order, whether it had a value. */
    existed: boolean[];
    /** The commit; present when any existed. */
    version?: bigint | undefined;
}

/** Arguments of event.append: Appends an event to the run's log. */
export interface EventAppendArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** 1-255 bytes. */
    type: string;
    /** An object. */
    payload: ObjectValue;
}

/** Result of event.append. */
export interface EventAppendResult {
    /** Its number. */
    sequence: number;
    /** The commit. */
    version: bigint;
}

/** Arguments of event.read: One event. */
export interface EventReadArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Its number. */
    sequence: number | bigint;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of event.read. */
export interface EventReadResult {
    /** The event. */
    event: EventRecord;
}

/** Arguments of event.range: Events in order of sequence. */
export interface EventRangeArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The first sequence; 1 when left out. */
    start?: number | bigint | undefined;
    /** The sequence to stop before. */
    end?: number | bigint | undefined;
    /** Only events committed at or after this time. */
    start_time?: number | bigint | undefined;
    /** Only events committed before this time. */
    end_time?: number | bigint | undefined;
    /** Only events of this type. */
    type?: string | undefined;
    /** From the last to the first. */
    reverse?: boolean | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of event.range. */
export interface EventRangeResult {
    /** The events. */
    events: EventRecord[];
    /** Present when there may be more: the start of the next page, or with reverse its end. */
    next?: number | undefined;
}

/** Arguments of event.head: The end of the log. */
export interface EventHeadArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of event.head. */
export interface EventHeadResult {
    /** The last sequence; 0 when the log is empty. */
    sequence: number;
    /** Its hash; zeros when the log is empty. */
    hash: Uint8Array;
}

/** Arguments of event.count: How many events the log has. Cost: without a type none; with one as event.types. */
export interface EventCountArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Only events of this type. */
    type?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of event.count. */
export interface EventCountResult {
    /** How many. */
    count: number;
}

/** Arguments of event.types: The types of events in the log, in order of type. Cost: reads the events since it was last asked; those of the past, or in a transaction, all of them. */
export interface EventTypesArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of event.types. */
export interface EventTypesResult {
    /** The page. */
    types: EventType[];
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of event.tail: The events after a sequence; when there are none, waits for them. */
export interface EventTailArgs {
    /** The run. */
    run?: string | undefined;
    /** The last sequence that is known, 0 for all; when left out, only what comes from now on. */
    after?: number | bigint | undefined;
    /** Only events of this type. */
    type?: string | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** How long to wait, at most 60000; 0 when left out. A host without threads answers at once. */
    wait_ms?: number | bigint | undefined;
}

/** Result of event.tail. */
export interface EventTailResult {
    /** The events, in order; none when the time is over. */
    events: EventRecord[];
    /** The sequence to go on after. */
    after: number;
    /** Whether the run is closed and these are its last events. */
    ended: boolean;
}

/** Arguments of event.verify: Recomputes the hash chain of the log. */
export interface EventVerifyArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
}

/** Result of event.verify. */
export interface EventVerifyResult {
    /** Whether every link holds. */
    valid: boolean;
    /** How many events were checked. */
    length: number;
    /** The first sequence that does not hold. */
    first_invalid?: number | undefined;
}

/** Arguments of state.init: Makes a state cell; its counter is 1. */
export interface StateInitArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Its name: 1-1024 bytes of UTF-8, no NUL, not beginning with _strata/. */
    name: string;
    /** Any value. */
    value: Value;
}

/** Result of state.init. */
export interface StateInitResult {
    /** The counter of the cell now. */
    counter: number;
    /** The commit. */
    version: bigint;
}

/** Arguments of state.read: The value of a state cell. */
export interface StateReadArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Its name: 1-1024 bytes of UTF-8, no NUL, not beginning with _strata/. */
    name: string;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of state.read. */
export interface StateReadResult {
    /** The value. */
    value: StoredValue;
    /** How often it was written since it was made, from 1. */
    counter: number;
    /** The commit that wrote it; 0 when the transaction itself did. */
    version: bigint;
    /** When it was committed. */
    timestamp: number;
}

/** Arguments of state.set: Writes a state cell, whatever is there; makes it if there is none. */
export interface StateSetArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Its name: 1-1024 bytes of UTF-8, no NUL, not beginning with _strata/. */
    name: string;
    /** Any value. */
    value: Value;
}

/** Result of state.set. */
export interface StateSetResult {
    /** The counter of the cell now. Inside a transaction what it would be now; it is decided at the commit. */
    counter: number;
    /** The commit. */
    version: bigint;
}

/** Arguments of state.cas: Writes a state cell if it still is what is expected. */
export interface StateCasArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Its name: 1-1024 bytes of UTF-8, no NUL, not beginning with _strata/. */
    name: string;
    /** Any value. */
    value: Value;
    /** The counter it must have; 0: there must be no cell. It begins at 1 again after a delete. One of the three expectations is needed. */
    expected_counter?: number | bigint | undefined;
    /** The version it must have; 0: there must be no cell. */
    expected_version?: number | bigint | undefined;
    /** The value it must have; an object with its names in the same order. */
    expected_value?: Value | undefined;
}

/** Result of state.cas. */
export interface StateCasResult {
    /** The counter of the cell now. */
    counter: number;
    /** The commit. */
    version: bigint;
}

/** Arguments of state.delete: Deletes a state cell; its history stays. */
export interface StateDeleteArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Its name: 1-1024 bytes of UTF-8, no NUL, not beginning with _strata/. */
    name: string;
}

/** Result of state.delete. */
export interface StateDeleteResult {
    /** Whether there was one. */
    existed: boolean;
    /** The commit; present when it existed. */
    version?: bigint | undefined;
}

/** Arguments of state.list: State cells in order of name (byte order). */
export interface StateListArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Only names that begin so. */
    prefix?: string | undefined;
    /** From the last to the first. */
    reverse?: boolean | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of state.list. */
export interface StateListResult {
    /** The page. */
    cells: Cell[];
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of state.history: The versions of a state cell that are kept, newest first. */
export interface StateHistoryArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Its name: 1-1024 bytes of UTF-8, no NUL, not beginning with _strata/. */
    name: string;
    /** Only versions below this one. */
    before?: number | bigint | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
}

/** Result of state.history. */
export interface StateHistoryResult {
    /** The versions; none if the cell never existed. */
    revisions: CellRevision[];
    /** Present when there are more: what `before` is for the next page. */
    next?: bigint | undefined;
}

/** Arguments of trace.record: Records a step; it is never changed. */
export interface TraceRecordArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** tool_call, decision, query, thought, error, or any other word of 1-255 bytes. */
    type: string;
    /** tool_call {tool, arguments, result?, duration_ms?}; decision {question, options, chosen, reasoning?}; query {query_type, query, results_count}; thought {content, confidence?}; error {error_type, message, recoverable}; of another type, anything. */
    content: ObjectValue;
    /** The record it came of, in the same run. */
    parent?: string | undefined;
    /** Words to find it by. */
    tags?: readonly string[] | undefined;
    /** Anything. */
    metadata?: ObjectValue | undefined;
    /** 1-1024 bytes, those of the parent included, that no record has; a new time-ordered one when left out. */
    id?: string | undefined;
}

/** Result of trace.record. */
export interface TraceRecordResult {
    /** Its id. */
    id: string;
    /** The commit. */
    version: bigint;
}

/** Arguments of trace.get: One record. */
export interface TraceGetArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The record. */
    id: string;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of trace.get. */
export interface TraceGetResult {
    /** The record. */
    trace: Trace;
}

/** Arguments of trace.children: The records that came of one, in order of id. */
export interface TraceChildrenArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The record. */
    id: string;
    /** From the last to the first. */
    reverse?: boolean | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of trace.children. */
export interface TraceChildrenResult {
    /** The page. */
    traces: Trace[];
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of trace.tree: A record and all that came of it: each before its children, which are in order of id. */
export interface TraceTreeArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The record. */
    id: string;
    /** So many generations below it; all when left out. */
    depth?: number | bigint | undefined;
    /** 1-1000 records; 100 when left out. */
    limit?: number | bigint | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of trace.tree. */
export interface TraceTreeResult {
    /** The records, each with its depth. */
    traces: Trace[];
    /** Whether the limit left any out. */
    truncated: boolean;
}

/** Arguments of trace.query: Records that fit, in order of id. */
export interface TraceQueryArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Only of this type. */
    type?: string | undefined;
    /** Only with this tag. */
    tag?: string | undefined;
    /** Only committed at or after this time. */
    after?: number | bigint | undefined;
    /** Only committed before this time. */
    before?: number | bigint | undefined;
    /** Only what came of this record. */
    parent?: string | undefined;
    /** From the last to the first. */
    reverse?: boolean | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of trace.query. */
export interface TraceQueryResult {
    /** The page. */
    traces: Trace[];
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of trace.list: All records, in order of id. */
export interface TraceListArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** From the last to the first. */
    reverse?: boolean | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of trace.list. */
export interface TraceListResult {
    /** The page. */
    traces: Trace[];
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of trace.count: How many records there are. */
export interface TraceCountArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Only of this type. */
    type?: string | undefined;
    /** Only with this tag. */
    tag?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of trace.count. */
export interface TraceCountResult {
    /** How many. */
    count: number;
}

/** Arguments of edge.put: Links two names; an edge that is there is replaced. */
export interface EdgePutArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Where it begins: an EntityRef or any name. Together with type and dst at most 1024 bytes. */
    src: string;
    /** Its type. */
    type: string;
    /** Where it ends. */
    dst: string;
    /** A finite number. */
    weight?: number | undefined;
    /** Anything. */
    properties?: ObjectValue | undefined;
}

/** Result of edge.put. */
export interface EdgePutResult {
    /** The commit. */
    version: bigint;
}

/** Arguments of edge.get: One edge. */
export interface EdgeGetArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Where it begins: an EntityRef or any name. Together with type and dst at most 1024 bytes. */
    src: string;
    /** Its type. */
    type: string;
    /** Where it ends. */
    dst: string;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of edge.get. */
export interface EdgeGetResult {
    /** The edge. */
    edge: Edge;
}

/** Arguments of edge.delete: Deletes an edge; its history stays. */
export interface EdgeDeleteArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Where it begins: an EntityRef or any name. Together with type and dst at most 1024 bytes. */
    src: string;
    /** Its type. */
    type: string;
    /** Where it ends. */
    dst: string;
}

/** Result of edge.delete. */
export interface EdgeDeleteResult {
    /** Whether there was one. */
    existed: boolean;
    /** The commit; present when it existed. */
    version?: bigint | undefined;
}

/** Arguments of edge.out: The edges that begin at a name, in order of type and of the other end. */
export interface EdgeOutArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The name. */
    src: string;
    /** Only those of this type. */
    type?: string | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of edge.out. */
export interface EdgeOutResult {
    /** The page. */
    edges: Edge[];
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of edge.in: The edges that end at a name, in order of type and of the other end. */
export interface EdgeInArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The name. */
    dst: string;
    /** Only those of this type. */
    type?: string | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of edge.in. */
export interface EdgeInResult {
    /** The page. */
    edges: Edge[];
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of edge.neighbours: The names that one edge leads to, each once, others than the name itself; in the order of the edges. */
export interface EdgeNeighboursArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The name. */
    of: string;
    /** out (default): along the edges; in: against them; both. */
    direction?: string | undefined;
    /** Only along edges of these types, at most 16. */
    types?: readonly string[] | undefined;
    /** 1-1000 names; 100 when left out. */
    limit?: number | bigint | undefined;
    /** It looks at so many edges at most, 1-1000000; 100 for each name of the limit when left out. */
    edges_max?: number | bigint | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of edge.neighbours. */
export interface EdgeNeighboursResult {
    /** The names. */
    names: string[];
    /** How many edges were looked at. */
    edges_seen: number;
    /** Whether a limit left something out. */
    truncated: boolean;
}

/** Arguments of edge.traverse: The names that can be reached by a few edges, each once, at one moment. Edges are taken in order: those that begin at a name, then those that end there, each by type and other end. */
export interface EdgeTraverseArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Where to begin. */
    from: string;
    /** By so many edges, 1-10; 1 when left out. */
    depth?: number | bigint | undefined;
    /** out (default): along the edges; in: against them; both. */
    direction?: string | undefined;
    /** Only along edges of these types, at most 16. */
    types?: readonly string[] | undefined;
    /** breadth (default): the nearest first; depth: as far as it goes, and back. */
    order?: string | undefined;
    /** 1-1000 names; 100 when left out. */
    limit?: number | bigint | undefined;
    /** It looks at so many edges at most, 1-1000000; 100 for each name of the limit when left out. */
    edges_max?: number | bigint | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of edge.traverse. */
export interface EdgeTraverseResult {
    /** What was reached, in that order. */
    reached: Reached[];
    /** How many edges were looked at. */
    edges_seen: number;
    /** Whether a limit left something out. */
    truncated: boolean;
}

/** Arguments of edge.path: The shortest path from one name to another. Of several that are as short it is the one whose edges come first. */
export interface EdgePathArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Where it begins. */
    from: string;
    /** Where it ends. */
    to: string;
    /** out (default): along the edges; in: against them; both. */
    direction?: string | undefined;
    /** Only along edges of these types, at most 16. */
    types?: readonly string[] | undefined;
    /** By so many edges at most; any number when left out. */
    depth?: number | bigint | undefined;
    /** The least sum of weights, an edge without one counting 1, and not the fewest edges. */
    weighted?: boolean | undefined;
    /** It looks at so many edges at most, 1-1000000; 100000 when left out. */
    edges_max?: number | bigint | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of edge.path. */
export interface EdgePathResult {
    /** Its edges in order; none when it was not found, or begins where it ends. */
    edges: Edge[];
    /** Whether there is one. */
    found: boolean;
    /** The sum, when weighted is true and it was found. */
    weight?: number | undefined;
    /** How many edges were looked at. */
    edges_seen: number;
    /** Whether there may be one that a limit left out. */
    truncated: boolean;
}

/** Arguments of memory.remember: Remembers a text, to be recalled at once. */
export interface MemoryRememberArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The text. */
    text: string;
    /** An existing one is replaced; a new time-ordered one when left out. */
    key?: string | undefined;
    /** Anything. */
    metadata?: ObjectValue | undefined;
    /** Words to list it by. */
    tags?: readonly string[] | undefined;
}

/** Result of memory.remember. */
export interface MemoryRememberResult {
    /** The key. */
    key: string;
    /** The commit. */
    version: bigint;
}

/** Arguments of memory.get: One memory. */
export interface MemoryGetArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The key. */
    key: string;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of memory.get. */
export interface MemoryGetResult {
    /** The memory. */
    memory: Memory;
}

/** Arguments of memory.forget: Forgets a memory: it is no longer recalled or listed. */
export interface MemoryForgetArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The key. */
    key: string;
}

/** Result of memory.forget. */
export interface MemoryForgetResult {
    /** Whether there was one. */
    existed: boolean;
    /** The commit; present when it existed. */
    version?: bigint | undefined;
}

/** Arguments of memory.list: Memories in order of key. */
export interface MemoryListArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Only keys that begin so. */
    prefix?: string | undefined;
    /** Only those with this tag. */
    tag?: string | undefined;
    /** Only those committed at or after this time. */
    after?: number | bigint | undefined;
    /** Only those committed before this time. */
    before?: number | bigint | undefined;
    /** From the last to the first. */
    reverse?: boolean | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of memory.list. */
export interface MemoryListResult {
    /** The page. */
    memories: Memory[];
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of memory.recall: The memories that fit a question best, by BM25. */
export interface MemoryRecallArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Words; any of them matches. At most 1024 distinct ones. */
    query: string;
    /** Hits wanted, 1-1000; 10 when left out. */
    k?: number | bigint | undefined;
    /** Whether to cut excerpts; true when left out. */
    snippets?: boolean | undefined;
    /** Whether to return whole texts and metadata. */
    with_text?: boolean | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of memory.recall. */
export interface MemoryRecallResult {
    /** Best first; equal scores in order of key. */
    hits: Hit[];
    /** Whether a budget cut the search short. */
    truncated: boolean;
    /** What it cost. */
    stats: RecallStats;
}

/** Arguments of json.create: Stores a new document. */
export interface JsonCreateArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The document. */
    key: string;
    /** The document. It or text is needed. */
    document?: ObjectValue | undefined;
    /** The JSON text of the document (RFC 8259). */
    text?: string | undefined;
}

/** Result of json.create. */
export interface JsonCreateResult {
    /** The commit. */
    version: bigint;
}

/** Arguments of json.get: A document, or a part of it. */
export interface JsonGetArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The document. */
    key: string;
    /** A JSON Pointer (/a/b/0) or the dotted form ($.a.b[0]); the whole document when left out. */
    path?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of json.get. */
export interface JsonGetResult {
    /** What is there. */
    value: StoredValue;
    /** The newest commit that has touched the document. */
    version: bigint;
    /** When that was. */
    timestamp: number;
}

/** Arguments of json.exists: Whether there is such a document, or something at the path in it. */
export interface JsonExistsArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The document. */
    key: string;
    /** A JSON Pointer (/a/b/0) or the dotted form ($.a.b[0]); the whole document when left out. */
    path?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of json.exists. */
export interface JsonExistsResult {
    /** Whether there is. */
    exists: boolean;
}

/** Arguments of json.set: Sets what is at a path; objects that are missing on the way are made, and at the root the document. */
export interface JsonSetArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The document. */
    key: string;
    /** A JSON Pointer (/a/b/0) or the dotted form ($.a.b[0]); /list/- and $.list[-] append. */
    path: string;
    /** The value. It or text is needed. */
    value?: Value | undefined;
    /** The JSON text of the value. */
    text?: string | undefined;
}

/** Result of json.set. */
export interface JsonSetResult {
    /** The commit. */
    version: bigint;
}

/** Arguments of json.cas: Sets what is at a path if the document still has the expected version. */
export interface JsonCasArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The document. */
    key: string;
    /** A JSON Pointer (/a/b/0) or the dotted form ($.a.b[0]); /list/- and $.list[-] append. */
    path: string;
    /** The value. It or text is needed. */
    value?: Value | undefined;
    /** The JSON text of the value. */
    text?: string | undefined;
    /** Of the document; 0: there is none, and the path is the root. */
    expected_version: number | bigint;
}

/** Result of json.cas. */
export interface JsonCasResult {
    /** The commit. */
    version: bigint;
}

/** Arguments of json.delete: Takes away what is at a path: a member, or an element, and those after it move up. */
export interface JsonDeleteArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The document. */
    key: string;
    /** Where; not the root, see json.destroy. */
    path: string;
}

/** Result of json.delete. */
export interface JsonDeleteResult {
    /** Whether there was something. */
    existed: boolean;
    /** The commit; present when it existed. */
    version?: bigint | undefined;
}

/** Arguments of json.destroy: Takes a whole document away; its history stays. */
export interface JsonDestroyArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The document. */
    key: string;
}

/** Result of json.destroy. */
export interface JsonDestroyResult {
    /** Whether there was one. */
    existed: boolean;
    /** The commit; present when it existed. */
    version?: bigint | undefined;
}

/** Arguments of json.patch: Changes a document by a row of operations (RFC 6902): all of them, or none. */
export interface JsonPatchArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The document. */
    key: string;
    /** In order; each sees what those before it have done. */
    operations: readonly PatchOperation[];
}

/** Result of json.patch. */
export interface JsonPatchResult {
    /** The commit; of a patch that changes nothing, the newest one of the document. */
    version: bigint;
}

/** Arguments of json.merge: Merges a patch into a document (RFC 7396): null removes. */
export interface JsonMergeArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The document. */
    key: string;
    /** What becomes different. */
    patch: ObjectValue;
}

/** Result of json.merge. */
export interface JsonMergeResult {
    /** The commit; of a patch that changes nothing, the newest one of the document. */
    version: bigint;
}

/** Arguments of json.list: Documents in order of key (byte order). */
export interface JsonListArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Only keys that begin so. */
    prefix?: string | undefined;
    /** Only keys from here on (inclusive). */
    start?: string | undefined;
    /** Only keys before this one (exclusive). */
    end?: string | undefined;
    /** From the last to the first. */
    reverse?: boolean | undefined;
    /** Whether to return the documents themselves. */
    documents?: boolean | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of json.list. */
export interface JsonListResult {
    /** The page. */
    documents: Document[];
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of json.count: How many documents there are. */
export interface JsonCountArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Only keys that begin so. */
    prefix?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of json.count. */
export interface JsonCountResult {
    /** How many. */
    count: number;
}

/** Arguments of json.history: The versions of a document that are kept, newest first. */
export interface JsonHistoryArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The document. */
    key: string;
    /** Only versions below this one. */
    before?: number | bigint | undefined;
    /** Whether to return what the document was at each. */
    documents?: boolean | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
}

/** Result of json.history. */
export interface JsonHistoryResult {
    /** The versions; none if the document never existed, or nothing of it is kept. */
    revisions: DocumentRevision[];
    /** Present when there are more: what `before` is for the next page. */
    next?: bigint | undefined;
}

/** Arguments of json.find: Documents that a filter holds of, in order of key or of a field. An index on a path of the filter is used by itself. */
export interface JsonFindArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** {path, eq | ne | lt | lte | gt | gte | in | contains | exists}, {and: [...]}, {or: [...]}, {not: ...}; everything when left out. Numbers compare by what they are; what is missing or of another kind is not equal and has no order; contains is of arrays. */
    where?: ObjectValue | undefined;
    /** A path; by key when left out. What has no scalar there comes last; strings count with their first 250 bytes. */
    order_by?: string | undefined;
    /** From the last to the first. */
    reverse?: boolean | undefined;
    /** Only keys that begin so. */
    prefix?: string | undefined;
    /** Whether to return the documents themselves. */
    documents?: boolean | undefined;
    /** Whether to tell how it was answered. */
    explain?: boolean | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended, of the same question. */
    cursor?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of json.find. */
export interface JsonFindResult {
    /** The page. */
    documents: Document[];
    /** Present when there is more. */
    cursor?: string | undefined;
    /** Present when asked for. */
    plan?: Plan | undefined;
}

/** Arguments of memory.find: Memories (their paths are /text, /metadata/..., /tags) that a filter holds of, in order of key or of a field. An index on a path of the filter is used by itself. */
export interface MemoryFindArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** {path, eq | ne | lt | lte | gt | gte | in | contains | exists}, {and: [...]}, {or: [...]}, {not: ...}; everything when left out. Numbers compare by what they are; what is missing or of another kind is not equal and has no order; contains is of arrays. */
    where?: ObjectValue | undefined;
    /** A path; by key when left out. What has no scalar there comes last; strings count with their first 250 bytes. */
    order_by?: string | undefined;
    /** From the last to the first. */
    reverse?: boolean | undefined;
    /** Only keys that begin so. */
    prefix?: string | undefined;
    /** Whether to tell how it was answered. */
    explain?: boolean | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended, of the same question. */
    cursor?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of memory.find. */
export interface MemoryFindResult {
    /** The page. */
    memories: Memory[];
    /** Present when there is more. */
    cursor?: string | undefined;
    /** Present when asked for. */
    plan?: Plan | undefined;
}

/** Arguments of index.create: Makes a secondary index and fills it; the run can be written to meanwhile. One that was interrupted goes on. */
export interface IndexCreateArgs {
    /** The run. */
    run?: string | undefined;
    /** Its name: like a key. */
    name: string;
    /** json (when left out), memory, vector (the entries of all collections) or entity. */
    primitive?: string | undefined;
    /** Of entities: their schema. */
    schema?: string | undefined;
    /** The path whose values go in; of an array each element. Objects and NaN do not. Entries of collections are documents {key, text?, metadata?}. */
    path: string;
}

/** Result of index.create. */
export interface IndexCreateResult {
    /** The commit from which on it is used. */
    version: bigint;
    /** What it was filled with. */
    entries: number;
}

/** Arguments of index.drop: Drops a secondary index. */
export interface IndexDropArgs {
    /** The run. */
    run?: string | undefined;
    /** Its name. */
    name: string;
}

/** Result of index.drop. */
export interface IndexDropResult {
    /** Whether there was one. */
    existed: boolean;
    /** The commit; present when it existed. */
    version?: bigint | undefined;
}

/** Arguments of index.list: The secondary indexes of a run, in order of name. */
export interface IndexListArgs {
    /** The run. */
    run?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of index.list. */
export interface IndexListResult {
    /** All of them. */
    indexes: Index[];
}

/** Arguments of schema.put: Stores a schema, or a new version of it. What is written from now on has to fit it; entities that are there are not looked at (schema.check). Makes the indexes it lists, drops those it lists no more. The same again changes nothing. */
export interface SchemaPutArgs {
    /** The run. */
    run?: string | undefined;
    /** Its name: like a key, at most 255 bytes. */
    name: string;
    /** A JSON Schema: type, enum, const, properties, required, additionalProperties, items, prefixItems, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, minLength, maxLength, minItems, maxItems, uniqueItems, minProperties, maxProperties, allOf, anyOf, oneOf, not, $ref to # and #/$defs/NAME; titles, defaults, format and the like say nothing. Any other keyword is refused. */
    schema: ObjectValue;
    /** The path (/a/b or $.a.b) of the string or int that identifies an entity. */
    key_field?: string | undefined;
    /** Paths to make indexes on: entity.find uses them by itself. At most 64, like all indexes of a run. */
    indexed?: readonly string[] | undefined;
    /** Paths whose text is to have an embedding. Kept and told back; nothing is done with them yet. */
    embedding?: readonly string[] | undefined;
    /** Paths that are to be encrypted. Kept and told back; nothing is done with them yet. */
    encrypted?: readonly string[] | undefined;
}

/** Result of schema.put. */
export interface SchemaPutResult {
    /** Whether there was none. */
    created: boolean;
    /** The commit that put it. */
    version: bigint;
}

/** Arguments of schema.get: A schema. */
export interface SchemaGetArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Its name: like a key, at most 255 bytes. */
    name: string;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of schema.get. */
export interface SchemaGetResult {
    /** The schema. */
    schema: Schema;
}

/** Arguments of schema.list: Schemas in order of name. */
export interface SchemaListArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Only names that begin so. */
    prefix?: string | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of schema.list. */
export interface SchemaListResult {
    /** The page. */
    schemas: Schema[];
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of schema.delete: Deletes a schema without entities, and its indexes. */
export interface SchemaDeleteArgs {
    /** The run. */
    run?: string | undefined;
    /** Its name: like a key, at most 255 bytes. */
    name: string;
}

/** Result of schema.delete. */
export interface SchemaDeleteResult {
    /** Whether there was one. */
    existed: boolean;
    /** The commit; present when it existed. */
    version?: bigint | undefined;
}

/** Arguments of schema.history: The versions of a schema that are kept, newest first. */
export interface SchemaHistoryArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Its name: like a key, at most 255 bytes. */
    name: string;
    /** Only versions below this one. */
    before?: number | bigint | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
}

/** Result of schema.history. */
export interface SchemaHistoryResult {
    /** The versions; none if the schema never existed. */
    revisions: SchemaRevision[];
}

/** Arguments of schema.check: Entities that do not fit their schema as it is now: it was changed after they were written. Looks at all of them, at one page after the other. */
export interface SchemaCheckArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Its name: like a key, at most 255 bytes. */
    name: string;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
}

/** Result of schema.check. */
export interface SchemaCheckResult {
    /** In order of id. */
    mismatches: Mismatch[];
    /** Present when there may be more. */
    cursor?: string | undefined;
    /** Entities that were looked at. */
    checked: number;
}

/** Arguments of entity.upsert: Stores an entity, or replaces it; one that was deleted is there again. The id is made from the schema and the uri, else the key field, else the members key or name of the document: the same entity gets the same id, everywhere. Without any of these it is new, with an id of time and chance. */
export interface EntityUpsertArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The schema it is of. */
    schema: string;
    /** The document. */
    document: ObjectValue;
    /** A URI that identifies it, 1-1024 bytes; one that it has stays when left out. */
    uri?: string | undefined;
    /** Its id, whatever would be made; schema and id have at most 1024 bytes. */
    id?: string | undefined;
}

/** Result of entity.upsert. */
export interface EntityUpsertResult {
    /** Its id. */
    id: string;
    /** Whether there was none, or it was deleted. */
    created: boolean;
    /** The commit. */
    version: bigint;
}

/** Arguments of entity.id: The id that an upsert would give. */
export interface EntityIdArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The schema it is of. */
    schema: string;
    /** The document. */
    document: ObjectValue;
    /** A URI that identifies it, 1-1024 bytes; one that it has stays when left out. */
    uri?: string | undefined;
}

/** Result of entity.id. */
export interface EntityIdResult {
    /** The id; left out when it would be one of time and chance. */
    id?: string | undefined;
}

/** Arguments of entity.get: An entity. */
export interface EntityGetArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The schema it is of. */
    schema: string;
    /** Its id: like a key; schema and id have at most 1024 bytes. */
    id: string;
    /** Whether one that was deleted is wanted, too. */
    deleted?: boolean | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of entity.get. */
export interface EntityGetResult {
    /** The entity. */
    entity: Entity;
}

/** Arguments of entity.exists: Whether there is such an entity. */
export interface EntityExistsArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The schema it is of. */
    schema: string;
    /** Its id: like a key; schema and id have at most 1024 bytes. */
    id: string;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of entity.exists. */
export interface EntityExistsResult {
    /** Whether there is; not when it was deleted. */
    exists: boolean;
}

/** Arguments of entity.merge: Merges a patch into an entity (RFC 7396): null removes. Its id stays. */
export interface EntityMergeArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The schema it is of. */
    schema: string;
    /** Its id: like a key; schema and id have at most 1024 bytes. */
    id: string;
    /** What becomes different. */
    patch: ObjectValue;
}

/** Result of entity.merge. */
export interface EntityMergeResult {
    /** The commit; of a patch that changes nothing, the newest one of the entity. */
    version: bigint;
}

/** Arguments of entity.delete: Deletes an entity so that it can be restored: it is stored and not found. */
export interface EntityDeleteArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The schema it is of. */
    schema: string;
    /** Its id: like a key; schema and id have at most 1024 bytes. */
    id: string;
}

/** Result of entity.delete. */
export interface EntityDeleteResult {
    /** Whether there was one. */
    existed: boolean;
    /** The commit; present when it existed. */
    version?: bigint | undefined;
}

/** Arguments of entity.restore: Brings a deleted entity back as it was. */
export interface EntityRestoreArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The schema it is of. */
    schema: string;
    /** Its id: like a key; schema and id have at most 1024 bytes. */
    id: string;
}

/** Result of entity.restore. */
export interface EntityRestoreResult {
    /** Whether it was deleted. */
    restored: boolean;
    /** The commit; present when it was restored. */
    version?: bigint | undefined;
}

/** Arguments of entity.purge: Takes an entity away for good; its history stays. */
export interface EntityPurgeArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The schema it is of. */
    schema: string;
    /** Its id: like a key; schema and id have at most 1024 bytes. */
    id: string;
    /** Whether one that was not deleted goes, too. */
    force?: boolean | undefined;
}

/** Result of entity.purge. */
export interface EntityPurgeResult {
    /** Whether there was one, deleted or not. */
    existed: boolean;
    /** The commit; present when it existed. */
    version?: bigint | undefined;
}

/** Arguments of entity.vacuum: Purges entities that were deleted, in commits of some hundred. */
export interface EntityVacuumArgs {
    /** The run. */
    run?: string | undefined;
    /** Only of this schema. */
    schema?: string | undefined;
    /** Only those deleted so long ago. */
    older_than_ms?: number | bigint | undefined;
    /** Whether to count only. */
    dry_run?: boolean | undefined;
}

/** Result of entity.vacuum. */
export interface EntityVacuumResult {
    /** How many there were. */
    candidates: number;
    /** How many were purged. */
    purged: number;
}

/** Arguments of entity.list: Entities of a schema in order of id. */
export interface EntityListArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The schema it is of. */
    schema: string;
    /** Only ids that begin so. */
    prefix?: string | undefined;
    /** Whether to list those that were deleted, and no others. */
    deleted?: boolean | undefined;
    /** From the last to the first. */
    reverse?: boolean | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of entity.list. */
export interface EntityListResult {
    /** The page. */
    entities: Entity[];
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of entity.count: How many entities of a schema there are. Cost: reads all. */
export interface EntityCountArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The schema it is of. */
    schema: string;
    /** Only ids that begin so. */
    prefix?: string | undefined;
    /** Whether to count those that were deleted, and no others. */
    deleted?: boolean | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of entity.count. */
export interface EntityCountResult {
    /** How many. */
    count: number;
}

/** Arguments of entity.history: The versions of an entity that are kept, newest first. */
export interface EntityHistoryArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The schema it is of. */
    schema: string;
    /** Its id: like a key; schema and id have at most 1024 bytes. */
    id: string;
    /** Only versions below this one. */
    before?: number | bigint | undefined;
    /** Whether to return what the document was at each. */
    documents?: boolean | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
}

/** Result of entity.history. */
export interface EntityHistoryResult {
    /** The versions; none if the entity never existed. */
    revisions: EntityRevision[];
}

/** Arguments of entity.find: Entities of a schema that a filter holds of, deleted ones left out, in order of id or of a field. An index on a path of the filter is used by itself. */
export interface EntityFindArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The schema they are of. */
    schema: string;
    /** {path, eq | ne | lt | lte | gt | gte | in | contains | exists}, {and: [...]}, {or: [...]}, {not: ...}; everything when left out. Numbers compare by what they are; what is missing or of another kind is not equal and has no order; contains is of arrays. */
    where?: ObjectValue | undefined;
    /** A path; by id when left out. What has no scalar there comes last; strings count with their first 250 bytes. */
    order_by?: string | undefined;
    /** From the last to the first. */
    reverse?: boolean | undefined;
    /** Only ids that begin so. */
    prefix?: string | undefined;
    /** Whether to tell how it was answered. */
    explain?: boolean | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended, of the same question. */
    cursor?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of entity.find. */
export interface EntityFindResult {
    /** The page. */
    entities: Entity[];
    /** Present when there is more. */
    cursor?: string | undefined;
    /** Present when asked for. */
    plan?: Plan | undefined;
}

/** Arguments of vector.create: Makes a collection. What a drop of that name has left is taken away first. */
export interface VectorCreateArgs {
    /** The run. */
    run?: string | undefined;
    /** Its name: like a key, at most 255 bytes. */
    name: string;
    /** Numbers of an embedding, 1-8192. */
    dimension: number | bigint;
    /** cosine (when left out), euclidean or dot: what nearer means. */
    metric?: string | undefined;
    /** How the index codes embeddings: f32; i8, a quarter of the memory; b1, a bit a number: a search looks at all codes and then compares the best, several for each of effort; auto (when left out): i8 from dimension 16 on. What decides is compared as it was stored. */
    codes?: string | undefined;
    /** The seed of the index; 0 when left out. */
    seed?: number | bigint | undefined;
}

/** Result of vector.create. */
export interface VectorCreateResult {
    /** The commit. */
    version: bigint;
}

/** Arguments of vector.drop: Drops a collection with all of its entries, which go in commits of some hundred; their history stays. */
export interface VectorDropArgs {
    /** The run. */
    run?: string | undefined;
    /** Its name: like a key, at most 255 bytes. */
    name: string;
}

/** Result of vector.drop. */
export interface VectorDropResult {
    /** Whether there was one. */
    existed: boolean;
    /** The commit from which on it is not found; present when it existed. */
    version?: bigint | undefined;
}

/** Arguments of vector.collections: Collections in order of name. */
export interface VectorCollectionsArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Only names that begin so. */
    prefix?: string | undefined;
    /** From the last to the first. */
    reverse?: boolean | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of vector.collections. */
export interface VectorCollectionsResult {
    /** The page. */
    collections: Collection[];
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of vector.info: A collection, how many entries it has, and its index. Cost: reads all keys. */
export interface VectorInfoArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Its name: like a key, at most 255 bytes. */
    name: string;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of vector.info. */
export interface VectorInfoResult {
    /** The collection. */
    collection: Collection;
    /** Entries. */
    count: number;
    /** Its index as it is now; present once it was searched. */
    index?: VectorIndexStats | undefined;
}

/** Arguments of vector.upsert: Stores an embedding under a key, or replaces what is there. */
export interface VectorUpsertArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Its collection. */
    collection: string;
    /** Its key; collection and key have at most 1024 bytes. */
    key: string;
    /** f32 numbers, little-endian, as bytes, or an array of numbers; as many as the collection's dimension, all finite. */
    embedding: Value;
    /** Anything; filters ask it. */
    metadata?: ObjectValue | undefined;
    /** What it is the embedding of. */
    text?: string | undefined;
}

/** Result of vector.upsert. */
export interface VectorUpsertResult {
    /** The commit. */
    version: bigint;
}

/** Arguments of vector.upsert_many: Stores many entries in one commit, or none. */
export interface VectorUpsertManyArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Their collection. */
    collection: string;
    /** 1-10000 of them, no key twice. */
    entries: readonly VectorInput[];
}

/** Result of vector.upsert_many. */
export interface VectorUpsertManyResult {
    /** The commit. */
    version: bigint;
}

/** Arguments of vector.get: One entry. */
export interface VectorGetArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Its collection. */
    collection: string;
    /** Its key; collection and key have at most 1024 bytes. */
    key: string;
    /** Whether to return the numbers; true when left out. */
    embedding?: boolean | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of vector.get. */
export interface VectorGetResult {
    /** The entry. */
    vector: Vector;
}

/** Arguments of vector.exists: Whether there is an entry. */
export interface VectorExistsArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Its collection. */
    collection: string;
    /** Its key; collection and key have at most 1024 bytes. */
    key: string;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of vector.exists. */
export interface VectorExistsResult {
    /** Whether there is. */
    exists: boolean;
}

/** Arguments of vector.delete: Deletes an entry; its history stays. */
export interface VectorDeleteArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Its collection. */
    collection: string;
    /** Its key; collection and key have at most 1024 bytes. */
    key: string;
}

/** Result of vector.delete. */
export interface VectorDeleteResult {
    /** Whether there was one. */
    existed: boolean;
    /** The commit; present when it existed. */
    version?: bigint | undefined;
}

/** Arguments of vector.list: Entries of a collection in order of key. */
export interface VectorListArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The collection. */
    collection: string;
    /** Only keys that begin so. */
    prefix?: string | undefined;
    /** Whether to return the numbers. */
    embeddings?: boolean | undefined;
    /** From the last to the first. */
    reverse?: boolean | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of vector.list. */
export interface VectorListResult {
    /** The page. */
    vectors: Vector[];
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of vector.count: How many entries a collection has. Cost: reads all keys. */
export interface VectorCountArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The collection. */
    collection: string;
    /** Only keys that begin so. */
    prefix?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of vector.count. */
export interface VectorCountResult {
    /** How many. */
    count: number;
}

/** Arguments of vector.history: The versions of an entry that are kept, newest first. */
export interface VectorHistoryArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** Its collection. */
    collection: string;
    /** Its key; collection and key have at most 1024 bytes. */
    key: string;
    /** Only versions below this one. */
    before?: number | bigint | undefined;
    /** Whether to return the numbers at each. */
    embeddings?: boolean | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
}

/** Result of vector.history. */
export interface VectorHistoryResult {
    /** The versions; none if the entry never existed. */
    revisions: VectorRevision[];
}

/** Arguments of vector.search: The entries of a collection that are nearest to an embedding. What a reader at that moment sees is searched, to the last entry; the filter is applied during the search, so k are found whenever k match. */
export interface VectorSearchArgs {
    /** The run. */
    run?: string | undefined;
    /** The transaction it is part of. */
    txn?: number | bigint | undefined;
    /** The collection. */
    collection: string;
    /** f32 numbers, little-endian, as bytes, or an array of numbers; as many as the collection's dimension, all finite. */
    embedding: Value;
    /** Hits wanted, 1-1000; 10 when left out. */
    k?: number | bigint | undefined;
    /** Only entries of which this holds, as in json.find, over {key, text?, metadata?}: {path: "/metadata/kind", eq: "note"}. */
    filter?: ObjectValue | undefined;
    /** Whether to compare with all, so that nothing is missed. */
    exact?: boolean | undefined;
    /** How far beyond the k-th nearest the search looks, 10-10000; 64 when left out: as a rule, about so many candidates. More finds more, and takes longer. */
    effort?: number | bigint | undefined;
    /** Whether to return metadata and texts; true when left out. */
    metadata?: boolean | undefined;
    /** Whether to return the numbers. */
    embeddings?: boolean | undefined;
    /** Whether to say where scores come from. */
    explain?: boolean | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
}

/** Result of vector.search. */
export interface VectorSearchResult {
    /** Best first; equal scores in order of key. */
    hits: VectorHit[];
    /** What it cost. */
    stats: VectorStats;
}

/** Arguments of txn.begin: Begins a transaction on a run; operations join it by its number. */
export interface TxnBeginArgs {
    /** The run. */
    run?: string | undefined;
    /** It writes nothing, and never conflicts. */
    read_only?: boolean | undefined;
    /** serializable (when left out) or snapshot. */
    isolation?: string | undefined;
    /** It is over after so many milliseconds; 0, when left out: never. */
    timeout_ms?: number | bigint | undefined;
    /** What its commit is called in history.log; at most 1024 bytes. */
    label?: string | undefined;
    /** The id of the trace record that its commit belongs to; when left out, one that it writes itself. */
    trace?: string | undefined;
}

/** Result of txn.begin. */
export interface TxnBeginResult {
    /** Its number, on this handle. */
    txn: number;
    /** The commit that it sees the run at. */
    version: bigint;
}

/** Arguments of txn.commit: Commits all its writes at once, or none; it is over in either case. */
export interface TxnCommitArgs {
    /** The transaction. */
    txn: number | bigint;
}

/** Result of txn.commit. */
export interface TxnCommitResult {
    /** The commit; when nothing was written, what it saw the run at. */
    version: bigint;
}

/** Arguments of txn.rollback: Ends a transaction without a trace. */
export interface TxnRollbackArgs {
    /** The transaction. */
    txn: number | bigint;
}

/** Result of txn.rollback. */
export interface TxnRollbackResult {
    /** How many writes were dropped. */
    writes: number;
}

/** Arguments of txn.savepoint: Marks a point to go back to. */
export interface TxnSavepointArgs {
    /** The transaction. */
    txn: number | bigint;
}

/** Result of txn.savepoint. */
export interface TxnSavepointResult {
    /** The mark. */
    savepoint: number;
}

/** Arguments of txn.rollback_to: Drops the writes since a savepoint; what was read since stays read. */
export interface TxnRollbackToArgs {
    /** The transaction. */
    txn: number | bigint;
    /** The mark. */
    savepoint: number | bigint;
}

/** Result of txn.rollback_to. */
export interface TxnRollbackToResult {
    /** How many writes are left. */
    writes: number;
}

/** Arguments of txn.info: What a transaction is and has done so far. */
export interface TxnInfoArgs {
    /** The transaction. */
    txn: number | bigint;
}

/** Result of txn.info. */
export interface TxnInfoResult {
    /** Its run. */
    run: string;
    /** Whether it only reads. */
    read_only: boolean;
    /** serializable or snapshot. */
    isolation: string;
    /** The commit that it sees the run at. */
    version: bigint;
    /** Distinct keys that it has read. */
    keys_read: number;
    /** Listings and scans. */
    ranges_read: number;
    /** Writes, without those rolled back. */
    writes: number;
    /** How long it has been open. */
    age_ms: number;
    /** After how long it is over; 0: never. */
    timeout_ms: number;
}

/** Arguments of history.log: The commits of a run and what they changed, newest first; of a fork also those of what it was forked from. Things are named by references: kv:KEY, event:SEQUENCE, state:NAME, trace:ID, json:DOCUMENT, memory:KEY, edge:SOURCE>TYPE>DESTINATION, schema:NAME, entity:SCHEMA/ID, run, run:NAME. The key stands there as it is; but where there is a separator (# of json, > of edge, / of entity), it and the percent sign are written %23, %3E, %2F and %25 inside a name. */
export interface HistoryLogArgs {
    /** The run. */
    run?: string | undefined;
    /** Only commits that changed this thing. */
    ref?: string | undefined;
    /** From this commit on. When left out, from the first that is kept. */
    from?: number | bigint | undefined;
    /** Up to this commit. */
    until?: number | bigint | undefined;
    /** From this time on. */
    from_time?: number | bigint | undefined;
    /** Up to this time. */
    until_time?: number | bigint | undefined;
    /** From the oldest to the newest. */
    reverse?: boolean | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
}

/** Result of history.log. */
export interface HistoryLogResult {
    /** The page. */
    commits: Commit[];
    /** Of the page, what was below this commit may be gone. */
    earliest?: bigint | undefined;
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of history.replay: The commits of a run in their order, each with all that it wrote. A page ends early when it is large. */
export interface HistoryReplayArgs {
    /** The run. */
    run?: string | undefined;
    /** From this commit on. When left out, from the first that is kept. */
    from?: number | bigint | undefined;
    /** Up to this commit. */
    until?: number | bigint | undefined;
    /** From this time on. */
    from_time?: number | bigint | undefined;
    /** Up to this time. */
    until_time?: number | bigint | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
}

/** Result of history.replay. */
export interface HistoryReplayResult {
    /** The page. */
    commits: Commit[];
    /** Of the page, what was below this commit may be gone. */
    earliest?: bigint | undefined;
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of history.state: Everything that a run holds at a point: all things of all primitives that have a value then. A page ends early when it is large. */
export interface HistoryStateArgs {
    /** The run. */
    run?: string | undefined;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
    /** Only these: kv, event, state, trace, json, memory, edge, schema, entity. */
    primitives?: readonly string[] | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
}

/** Result of history.state. */
export interface HistoryStateResult {
    /** The page, primitive by primitive, in order of key. */
    items: Item[];
    /** The last commit that it shows. */
    version: bigint;
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of history.diff: In what two points differ: of one run, of a run and its fork, of any two runs. A page ends early when it is large. Where they have history in common, what ended by itself without a write is no difference. */
export interface HistoryDiffArgs {
    /** The run. */
    run?: string | undefined;
    /** The first point: as a reader of this commit number saw it. Now when left out. */
    as_of?: number | bigint | undefined;
    /** The same by time. */
    as_of_time?: number | bigint | undefined;
    /** The run of the other point; the same one when left out. */
    other_run?: string | undefined;
    /** The other point; now when left out. */
    other_as_of?: number | bigint | undefined;
    /** The same by time. */
    other_as_of_time?: number | bigint | undefined;
    /** Only these, as in history.state. */
    primitives?: readonly string[] | undefined;
    /** Whether to return the values; true when left out. */
    values?: boolean | undefined;
    /** Only counts the differences, all of them. */
    summary?: boolean | undefined;
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
}

/** Result of history.diff. */
export interface HistoryDiffResult {
    /** The page, primitive by primitive, in order of key. */
    changes: Difference[];
    /** By primitive {added, removed, changed}; those without differences are left out. */
    summary?: StoredObject | undefined;
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of history.merge: Takes over into a run what its fork, or another fork of the same run, has changed since they parted: in one commit, or not at all. Documents are merged path by path; an array that one side has added to or taken from counts as a whole. Events are appended in their order; their payload then says where they are from, in merged_from {run, sequence, timestamp, hash}. */
export interface HistoryMergeArgs {
    /** The run to take from. */
    source: string;
    /** The run to write to; default when left out. */
    target?: string | undefined;
    /** What to do when both have changed the same thing: strict (when left out): it is an error; theirs: the source's value counts; ours: the target's. */
    strategy?: string | undefined;
    /** Only says what would happen; a conflict is no error then. */
    dry_run?: boolean | undefined;
}

/** Result of history.merge. */
export interface HistoryMergeResult {
    /** Things that are as in the source now. */
    taken: number;
    /** Events that were appended. */
    events: number;
    /** What both have changed; at most 100. */
    conflicts: MergeConflict[];
    /** How many those are. */
    conflict_count: number;
    /** The commit, when there was anything to write. */
    version?: bigint | undefined;
}

/** Arguments of history.explain: Why a thing is as it is: its versions, newest first, the commits that wrote them, what those had read, and so on down. What a commit had read is known where its run keeps provenance (run.create). */
export interface HistoryExplainArgs {
    /** The run. */
    run?: string | undefined;
    /** The thing, as history.log names it. */
    ref: string;
    /** As a reader of this commit number saw it. */
    as_of?: number | bigint | undefined;
    /** As a reader at this time saw it; one that has not come is refused. */
    as_of_time?: number | bigint | undefined;
    /** How many versions of the thing itself, 1-1000; 10 when left out. */
    versions?: number | bigint | undefined;
    /** How many levels below them, 0-100; 3 when left out. */
    depth?: number | bigint | undefined;
    /** Of the list, 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
}

/** Result of history.explain. */
export interface HistoryExplainResult {
    /** Level by level; each after the one that had read it. */
    nodes: Explained[];
    /** Whether there is more than was asked for, or than is kept. */
    truncated: boolean;
}

/** Arguments of retention.set: Sets how much history is kept. The narrowest rule counts: primitive in a run, run, primitive, database. What a rule does not keep goes when tables are merged, or with db.compact. */
export interface RetentionSetArgs {
    /** The run; every one when left out. */
    run?: string | undefined;
    /** kv, state, json, memory, edge, schema or entity; all when left out. event, trace and provenance are never trimmed. */
    primitive?: string | undefined;
    /** all; last: the newest versions of each key, a delete being one; for: what could be seen at any time since. With last 1 and with for, a key that was deleted or has ended goes altogether. */
    keep: string;
    /** For last: how many, from 1. */
    versions?: number | bigint | undefined;
    /** For for: how long, from 1. */
    duration_ms?: number | bigint | undefined;
}

/** Result of retention.set. */
export interface RetentionSetResult {
    /** The commit. */
    version: bigint;
}

/** Arguments of retention.get: The rule that counts, and what it is a rule of. */
export interface RetentionGetArgs {
    /** The run; when left out, what counts for a run without rules. */
    run?: string | undefined;
    /** Any; when left out, what counts for one without rules. */
    primitive?: string | undefined;
}

/** Result of retention.get. */
export interface RetentionGetResult {
    /** all, last or for. */
    keep: string;
    /** How many, for last. */
    versions?: number | undefined;
    /** How long, for for. */
    duration_ms?: number | undefined;
    /** run_primitive, run, primitive, database; none: there is no rule; never_trimmed: rules do not count. */
    source: string;
}

/** Arguments of retention.list: The rules. */
export interface RetentionListArgs {
    /** 1-1000; 100 when left out. */
    limit?: number | bigint | undefined;
    /** Where the previous page ended. */
    cursor?: string | undefined;
}

/** Result of retention.list. */
export interface RetentionListResult {
    /** The page. */
    rules: RetentionRule[];
    /** Present when there may be more. */
    cursor?: string | undefined;
}

/** Arguments of retention.remove: Removes a rule: a wider one counts again. */
export interface RetentionRemoveArgs {
    /** The run of the rule. */
    run?: string | undefined;
    /** The primitive of the rule. */
    primitive?: string | undefined;
}

/** Result of retention.remove. */
export interface RetentionRemoveResult {
    /** Whether there was one. */
    existed: boolean;
    /** The commit; present when it existed. */
    version?: bigint | undefined;
}

/** db.stats takes no arguments: What the database holds and costs. */
export type DbStatsArgs = Record<string, never>;

/** Result of db.stats. */
export interface DbStatsResult {
    /** Where it is. */
    path: string;
    /** Its identity. */
    uuid: string;
    /** Version of the on-disk format. */
    format: number;
    /** none or zstd. */
    codec: string;
    /** buffered, strict or memory. */
    durability: string;
    /** The last commit. */
    version: bigint;
    /** The last commit known to be synced. */
    durable_version: bigint;
    /** Runs. */
    runs: number;
    /** Keys of all primitives, deleted ones included; one that is in several tables counts in each. */
    keys: number;
    /** Memories that can be recalled. */
    memories: number;
    /** Memory of the memtable. */
    memtable_bytes: number;
    /** Memory of the text index. */
    index_bytes: number;
    /** Memory of vectors' indexes, with pages of those that are larger than it. */
    vector_bytes: number;
    /** Bytes of live log. */
    wal_bytes: number;
    /** Segments of live log. */
    wal_segments: number;
    /** Bytes of torn tail cut at open. */
    recovered_bytes_cut: number;
    /** Sorted tables. */
    tables: number;
    /** Their bytes on the disk. */
    table_bytes: number;
    /** Memory of cached blocks. */
    cache_bytes: number;
    /** Blocks that were in the cache, since open. */
    cache_hits: number;
    /** Blocks that had to be read, since open. */
    cache_misses: number;
    /** Memory of memtables, cached blocks, what open tables keep, and vectors' indexes; not of the text index. */
    memory_bytes: number;
    /** Times that memtables became a table, since open. */
    flushes: number;
    /** Times that tables were merged, since open. */
    compactions: number;
    /** Versions that retention let go, since open. */
    versions_removed: number;
    /** Below it something may have gone altogether; 0: nothing has. */
    floor_version: bigint;
}

/** db.sync takes no arguments: Makes everything committed so far durable. */
export type DbSyncArgs = Record<string, never>;

/** Result of db.sync. */
export interface DbSyncResult {
    /** The last commit that is durable now. */
    version: bigint;
}

/** Arguments of db.compact: Makes tables of the log, and merges them. */
export interface DbCompactArgs {
    /** wal: only the log; full (when left out): all tables too, as retention wants it. */
    mode?: string | undefined;
}

/** Result of db.compact. */
export interface DbCompactResult {
    /** Bytes that the database has fewer on the disk, or in memory for :memory:; 0 when it has more. */
    reclaimed_bytes: number;
    /** Segments of the log that were removed. */
    wal_segments_removed: number;
    /** Versions that retention let go. No number of a version changes. */
    versions_removed: number;
}

/** db.checkpoint takes no arguments: Brings everything committed so far into tables, so that the next opening reads no log. */
export type DbCheckpointArgs = Record<string, never>;

/** Result of db.checkpoint. */
export interface DbCheckpointResult {
    /** The last commit that is in tables now. */
    version: bigint;
    /** When that was. */
    time: number;
    /** Bytes of the tables; 0 in memory. */
    bytes: number;
}

/** Arguments of db.backup: Brings a folder with a copy of the database up to now; copies only what it does not have, and verifies that. */
export interface DbBackupArgs {
    /** A folder of the host: new, empty, or with earlier backups of this database. */
    path: string;
}

/** Result of db.backup. */
export interface DbBackupResult {
    /** The last commit in the backup. */
    version: bigint;
    /** When it was begun. */
    time: number;
    /** Tables that it consists of. */
    files: number;
    /** Bytes of them. */
    bytes: number;
    /** Tables that were copied now. */
    files_copied: number;
    /** Bytes of them. */
    bytes_copied: number;
}

/** Arguments of db.export: Writes all versions of all keys into one compressed file, the same bytes on every platform. */
export interface DbExportArgs {
    /** A file of the host that is not there yet; NAME.strata.zst by custom. */
    path: string;
}

/** Result of db.export. */
export interface DbExportResult {
    /** The last commit in it. */
    version: bigint;
    /** Bytes of the file. */
    bytes: number;
    /** Versions of keys in it. */
    entries: number;
    /** Distinct keys. */
    keys: number;
    /** Runs with keys, that of the runs' own records included. */
    runs: number;
}

/** db.verify takes no arguments: Re-reads the files, structures and hash chains of the open database. */
export type DbVerifyArgs = Record<string, never>;

/** Result of db.verify. */
export interface DbVerifyResult {
    /** Whether no problem was found. */
    valid: boolean;
    /** Files read. */
    files: number;
    /** Bytes checked. */
    bytes: number;
    /** Commit records checked. */
    commits: number;
    /** At most 100 of them. */
    problems: Problem[];
    /** At most 100 files that nothing names: left by a crash, or being written. No damage. */
    unnamed: string[];
}

/** Arguments of snapshot.create: Keeps the state of the database under a name; open it read-only with the option snapshot. */
export interface SnapshotCreateArgs {
    /** 1-255 bytes, unique; snap-N when left out. */
    name?: string | undefined;
}

/** Result of snapshot.create. */
export interface SnapshotCreateResult {
    /** Its number; never used again. */
    number: number;
    /** Its name. */
    name: string;
    /** The last commit in it. */
    version: bigint;
    /** When it was made. */
    time: number;
    /** Files that it needs. */
    files: number;
    /** Bytes of them. */
    bytes: number;
}

/** snapshot.list takes no arguments: The snapshots, oldest first. */
export type SnapshotListArgs = Record<string, never>;

/** Result of snapshot.list. */
export interface SnapshotListResult {
    /** All of them. */
    snapshots: Snapshot[];
}

/** Arguments of snapshot.delete: Deletes a snapshot, and the files that nothing else needs. */
export interface SnapshotDeleteArgs {
    /** Its name. */
    name: string;
}

/** Result of snapshot.delete. */
export interface SnapshotDeleteResult {
}

/** Every operation: its arguments and its result. */
export interface Operations {
    /** Creates an active run. */
    'run.create': { args: RunCreateArgs; result: RunCreateResult };
    /** The record of a run. */
    'run.get': { args: RunGetArgs; result: RunGetResult };
    /** The runs in order of name. */
    'run.list': { args: RunListArgs; result: RunListResult };
    /** The run of that name, active: created if there is none, resumed if it is paused. */
    'run.begin': { args: RunBeginArgs; result: RunBeginResult };
    /** Closes a run to writes. */
    'run.end': { args: RunEndArgs; result: RunEndResult };
    /** Changes the tags of a run, whatever its status; they are a set, in the order in which they were first added. */
    'run.tag': { args: RunTagArgs; result: RunTagResult };
    /** Changes the metadata of a run, whatever its status, as RFC 7396 has it: null removes, objects are merged, the rest is replaced. Or whether it keeps provenance. */
    'run.update': { args: RunUpdateArgs; result: RunUpdateResult };
    /** The runs that fit all that is asked, in order of name. Cost: looks at every run with that beginning of a name, once over all pages. */
    'run.query': { args: RunQueryArgs; result: RunQueryResult };
    /** The runs under a run, in order of name. Cost: looks at every run, once over all pages. */
    'run.children': { args: RunChildrenArgs; result: RunChildrenResult };
    /** The versions of the record of a run, newest first: each change of its status, tags and metadata. */
    'run.history': { args: RunHistoryArgs; result: RunHistoryResult };
    /** What a run holds. Cost: reads all of it. */
    'run.stats': { args: RunStatsArgs; result: RunStatsResult };
    /** Creates an active run that sees another one as it was at some point, and goes on by itself. It costs the same whatever that run holds. */
    'run.fork': { args: RunForkArgs; result: RunForkResult };
    /** Deletes a run with all its keys and their history, and its rules of retention. Forks of it go on to see what they saw. */
    'run.delete': { args: RunDeleteArgs; result: RunDeleteResult };
    /** active -> paused: refuses writes until resumed. */
    'run.pause': { args: RunPauseArgs; result: RunPauseResult };
    /** paused -> active. */
    'run.resume': { args: RunResumeArgs; result: RunResumeResult };
    /** active -> completed: the run is closed to writes. */
    'run.complete': { args: RunCompleteArgs; result: RunCompleteResult };
    /** active or paused -> failed, with the reason. */
    'run.fail': { args: RunFailArgs; result: RunFailResult };
    /** active or paused -> cancelled. */
    'run.cancel': { args: RunCancelArgs; result: RunCancelResult };
    /** Any state -> archived, for good. */
    'run.archive': { args: RunArchiveArgs; result: RunArchiveResult };
    /** Stores a value under a key. */
    'kv.put': { args: KvPutArgs; result: KvPutResult };
    /** The value of a key. */
    'kv.get': { args: KvGetArgs; result: KvGetResult };
    /** Deletes a key; its history stays. */
    'kv.delete': { args: KvDeleteArgs; result: KvDeleteResult };
    /** Whether a key has a value. */
    'kv.exists': { args: KvExistsArgs; result: KvExistsResult };
    /** Keys and values in order of key (byte order). */
    'kv.list': { args: KvListArgs; result: KvListResult };
    /** How many keys have a value. */
    'kv.count': { args: KvCountArgs; result: KvCountResult };
    /** The versions of a key that are kept, newest first. */
    'kv.history': { args: KvHistoryArgs; result: KvHistoryResult };
    /** Adds to an int; a missing key counts as 0. A time to live stays. */
    'kv.incr': { args: KvIncrArgs; result: KvIncrResult };
    /** Stores a value if the key still has the expected version or value. */
    'kv.cas': { args: KvCasArgs; result: KvCasResult };
    /** The values of several keys, all of one moment. */
    'kv.get_many': { args: KvGetManyArgs; result: KvGetManyResult };
    /** Stores several values in one commit, or none. */
    'kv.put_many': { args: KvPutManyArgs; result: KvPutManyResult };
    /** Deletes several keys in one commit, or none; their history stays. */
    'kv.delete_many': { args: KvDeleteManyArgs; result: KvDeleteManyResult };
    /** Appends an event to the run's log. */
    'event.append': { args: EventAppendArgs; result: EventAppendResult };
    /** One event. */
    'event.read': { args: EventReadArgs; result: EventReadResult };
    /** Events in order of sequence. */
    'event.range': { args: EventRangeArgs; result: EventRangeResult };
    /** The end of the log. */
    'event.head': { args: EventHeadArgs; result: EventHeadResult };
    /** How many events the log has. Cost: without a type none; with one as event.types. */
    'event.count': { args: EventCountArgs; result: EventCountResult };
    /** The types of events in the log, in order of type. Cost: reads the events since it was last asked; those of the past, or in a transaction, all of them. */
    'event.types': { args: EventTypesArgs; result: EventTypesResult };
    /** The events after a sequence; when there are none, waits for them. */
    'event.tail': { args: EventTailArgs; result: EventTailResult };
    /** Recomputes the hash chain of the log. */
    'event.verify': { args: EventVerifyArgs; result: EventVerifyResult };
    /** Makes a state cell; its counter is 1. */
    'state.init': { args: StateInitArgs; result: StateInitResult };
    /** The value of a state cell. */
    'state.read': { args: StateReadArgs; result: StateReadResult };
    /** Writes a state cell, whatever is there; makes it if there is none. */
    'state.set': { args: StateSetArgs; result: StateSetResult };
    /** Writes a state cell if it still is what is expected. */
    'state.cas': { args: StateCasArgs; result: StateCasResult };
    /** Deletes a state cell; its history stays. */
    'state.delete': { args: StateDeleteArgs; result: StateDeleteResult };
    /** State cells in order of name (byte order). */
    'state.list': { args: StateListArgs; result: StateListResult };
    /** The versions of a state cell that are kept, newest first. */
    'state.history': { args: StateHistoryArgs; result: StateHistoryResult };
    /** Records a step; it is never changed. */
    'trace.record': { args: TraceRecordArgs; result: TraceRecordResult };
    /** One record. */
    'trace.get': { args: TraceGetArgs; result: TraceGetResult };
    /** The records that came of one, in order of id. */
    'trace.children': { args: TraceChildrenArgs; result: TraceChildrenResult };
    /** A record and all that came of it: each before its children, which are in order of id. */
    'trace.tree': { args: TraceTreeArgs; result: TraceTreeResult };
    /** Records that fit, in order of id. */
    'trace.query': { args: TraceQueryArgs; result: TraceQueryResult };
    /** All records, in order of id. */
    'trace.list': { args: TraceListArgs; result: TraceListResult };
    /** How many records there are. */
    'trace.count': { args: TraceCountArgs; result: TraceCountResult };
    /** Links two names; an edge that is there is replaced. */
    'edge.put': { args: EdgePutArgs; result: EdgePutResult };
    /** One edge. */
    'edge.get': { args: EdgeGetArgs; result: EdgeGetResult };
    /** Deletes an edge; its history stays. */
    'edge.delete': { args: EdgeDeleteArgs; result: EdgeDeleteResult };
    /** The edges that begin at a name, in order of type and of the other end. */
    'edge.out': { args: EdgeOutArgs; result: EdgeOutResult };
    /** The edges that end at a name, in order of type and of the other end. */
    'edge.in': { args: EdgeInArgs; result: EdgeInResult };
    /** The names that one edge leads to, each once, others than the name itself; in the order of the edges. */
    'edge.neighbours': { args: EdgeNeighboursArgs; result: EdgeNeighboursResult };
    /** The names that can be reached by a few edges, each once, at one moment. Edges are taken in order: those that begin at a name, then those that end there, each by type and other end. */
    'edge.traverse': { args: EdgeTraverseArgs; result: EdgeTraverseResult };
    /** The shortest path from one name to another. Of several that are as short it is the one whose edges come first. */
    'edge.path': { args: EdgePathArgs; result: EdgePathResult };
    /** Remembers a text, to be recalled at once. */
    'memory.remember': { args: MemoryRememberArgs; result: MemoryRememberResult };
    /** One memory. */
    'memory.get': { args: MemoryGetArgs; result: MemoryGetResult };
    /** Forgets a memory: it is no longer recalled or listed. */
    'memory.forget': { args: MemoryForgetArgs; result: MemoryForgetResult };
    /** Memories in order of key. */
    'memory.list': { args: MemoryListArgs; result: MemoryListResult };
    /** The memories that fit a question best, by BM25. */
    'memory.recall': { args: MemoryRecallArgs; result: MemoryRecallResult };
    /** Stores a new document. */
    'json.create': { args: JsonCreateArgs; result: JsonCreateResult };
    /** A document, or a part of it. */
    'json.get': { args: JsonGetArgs; result: JsonGetResult };
    /** Whether there is such a document, or something at the path in it. */
    'json.exists': { args: JsonExistsArgs; result: JsonExistsResult };
    /** Sets what is at a path; objects that are missing on the way are made, and at the root the document. */
    'json.set': { args: JsonSetArgs; result: JsonSetResult };
    /** Sets what is at a path if the document still has the expected version. */
    'json.cas': { args: JsonCasArgs; result: JsonCasResult };
    /** Takes away what is at a path: a member, or an element, and those after it move up. */
    'json.delete': { args: JsonDeleteArgs; result: JsonDeleteResult };
    /** Takes a whole document away; its history stays. */
    'json.destroy': { args: JsonDestroyArgs; result: JsonDestroyResult };
    /** Changes a document by a row of operations (RFC 6902): all of them, or none. */
    'json.patch': { args: JsonPatchArgs; result: JsonPatchResult };
    /** Merges a patch into a document (RFC 7396): null removes. */
    'json.merge': { args: JsonMergeArgs; result: JsonMergeResult };
    /** Documents in order of key (byte order). */
    'json.list': { args: JsonListArgs; result: JsonListResult };
    /** How many documents there are. */
    'json.count': { args: JsonCountArgs; result: JsonCountResult };
    /** The versions of a document that are kept, newest first. */
    'json.history': { args: JsonHistoryArgs; result: JsonHistoryResult };
    /** Documents that a filter holds of, in order of key or of a field. An index on a path of the filter is used by itself. */
    'json.find': { args: JsonFindArgs; result: JsonFindResult };
    /** Memories (their paths are /text, /metadata/..., /tags) that a filter holds of, in order of key or of a field. An index on a path of the filter is used by itself. */
    'memory.find': { args: MemoryFindArgs; result: MemoryFindResult };
    /** Makes a secondary index and fills it; the run can be written to meanwhile. One that was interrupted goes on. */
    'index.create': { args: IndexCreateArgs; result: IndexCreateResult };
    /** Drops a secondary index. */
    'index.drop': { args: IndexDropArgs; result: IndexDropResult };
    /** The secondary indexes of a run, in order of name. */
    'index.list': { args: IndexListArgs; result: IndexListResult };
    /** Stores a schema, or a new version of it. What is written from now on has to fit it; entities that are there are not looked at (schema.check). Makes the indexes it lists, drops those it lists no more. The same again changes nothing. */
    'schema.put': { args: SchemaPutArgs; result: SchemaPutResult };
    /** A schema. */
    'schema.get': { args: SchemaGetArgs; result: SchemaGetResult };
    /** Schemas in order of name. */
    'schema.list': { args: SchemaListArgs; result: SchemaListResult };
    /** Deletes a schema without entities, and its indexes. */
    'schema.delete': { args: SchemaDeleteArgs; result: SchemaDeleteResult };
    /** The versions of a schema that are kept, newest first. */
    'schema.history': { args: SchemaHistoryArgs; result: SchemaHistoryResult };
    /** Entities that do not fit their schema as it is now: it was changed after they were written. Looks at all of them, at one page after the other. */
    'schema.check': { args: SchemaCheckArgs; result: SchemaCheckResult };
    /** Stores an entity, or replaces it; one that was deleted is there again. The id is made from the schema and the uri, else the key field, else the members key or name of the document: the same entity gets the same id, everywhere. Without any of these it is new, with an id of time and chance. */
    'entity.upsert': { args: EntityUpsertArgs; result: EntityUpsertResult };
    /** The id that an upsert would give. */
    'entity.id': { args: EntityIdArgs; result: EntityIdResult };
    /** An entity. */
    'entity.get': { args: EntityGetArgs; result: EntityGetResult };
    /** Whether there is such an entity. */
    'entity.exists': { args: EntityExistsArgs; result: EntityExistsResult };
    /** Merges a patch into an entity (RFC 7396): null removes. Its id stays. */
    'entity.merge': { args: EntityMergeArgs; result: EntityMergeResult };
    /** Deletes an entity so that it can be restored: it is stored and not found. */
    'entity.delete': { args: EntityDeleteArgs; result: EntityDeleteResult };
    /** Brings a deleted entity back as it was. */
    'entity.restore': { args: EntityRestoreArgs; result: EntityRestoreResult };
    /** Takes an entity away for good; its history stays. */
    'entity.purge': { args: EntityPurgeArgs; result: EntityPurgeResult };
    /** Purges entities that were deleted, in commits of some hundred. */
    'entity.vacuum': { args: EntityVacuumArgs; result: EntityVacuumResult };
    /** Entities of a schema in order of id. */
    'entity.list': { args: EntityListArgs; result: EntityListResult };
    /** How many entities of a schema there are. Cost: reads all. */
    'entity.count': { args: EntityCountArgs; result: EntityCountResult };
    /** The versions of an entity that are kept, newest first. */
    'entity.history': { args: EntityHistoryArgs; result: EntityHistoryResult };
    /** Entities of a schema that a filter holds of, deleted ones left out, in order of id or of a field. An index on a path of the filter is used by itself. */
    'entity.find': { args: EntityFindArgs; result: EntityFindResult };
    /** Makes a collection. What a drop of that name has left is taken away first. */
    'vector.create': { args: VectorCreateArgs; result: VectorCreateResult };
    /** Drops a collection with all of its entries, which go in commits of some hundred; their history stays. */
    'vector.drop': { args: VectorDropArgs; result: VectorDropResult };
    /** Collections in order of name. */
    'vector.collections': { args: VectorCollectionsArgs; result: VectorCollectionsResult };
    /** A collection, how many entries it has, and its index. Cost: reads all keys. */
    'vector.info': { args: VectorInfoArgs; result: VectorInfoResult };
    /** Stores an embedding under a key, or replaces what is there. */
    'vector.upsert': { args: VectorUpsertArgs; result: VectorUpsertResult };
    /** Stores many entries in one commit, or none. */
    'vector.upsert_many': { args: VectorUpsertManyArgs; result: VectorUpsertManyResult };
    /** One entry. */
    'vector.get': { args: VectorGetArgs; result: VectorGetResult };
    /** Whether there is an entry. */
    'vector.exists': { args: VectorExistsArgs; result: VectorExistsResult };
    /** Deletes an entry; its history stays. */
    'vector.delete': { args: VectorDeleteArgs; result: VectorDeleteResult };
    /** Entries of a collection in order of key. */
    'vector.list': { args: VectorListArgs; result: VectorListResult };
    /** How many entries a collection has. Cost: reads all keys. */
    'vector.count': { args: VectorCountArgs; result: VectorCountResult };
    /** The versions of an entry that are kept, newest first. */
    'vector.history': { args: VectorHistoryArgs; result: VectorHistoryResult };
    /** The entries of a collection that are nearest to an embedding. What a reader at that moment sees is searched, to the last entry; the filter is applied during the search, so k are found whenever k match. */
    'vector.search': { args: VectorSearchArgs; result: VectorSearchResult };
    /** Begins a transaction on a run; operations join it by its number. */
    'txn.begin': { args: TxnBeginArgs; result: TxnBeginResult };
    /** Commits all its writes at once, or none; it is over in either case. */
    'txn.commit': { args: TxnCommitArgs; result: TxnCommitResult };
    /** Ends a transaction without a trace. */
    'txn.rollback': { args: TxnRollbackArgs; result: TxnRollbackResult };
    /** Marks a point to go back to. */
    'txn.savepoint': { args: TxnSavepointArgs; result: TxnSavepointResult };
    /** Drops the writes since a savepoint; what was read since stays read. */
    'txn.rollback_to': { args: TxnRollbackToArgs; result: TxnRollbackToResult };
    /** What a transaction is and has done so far. */
    'txn.info': { args: TxnInfoArgs; result: TxnInfoResult };
    /** The commits of a run and what they changed, newest first; of a fork also those of what it was forked from. Things are named by references: kv:KEY, event:SEQUENCE, state:NAME, trace:ID, json:DOCUMENT, memory:KEY, edge:SOURCE>TYPE>DESTINATION, schema:NAME, entity:SCHEMA/ID, run, run:NAME. The key stands there as it is; but where there is a separator (# of json, > of edge, / of entity), it and the percent sign are written %23, %3E, %2F and %25 inside a name. */
    'history.log': { args: HistoryLogArgs; result: HistoryLogResult };
    /** The commits of a run in their order, each with all that it wrote. A page ends early when it is large. */
    'history.replay': { args: HistoryReplayArgs; result: HistoryReplayResult };
    /** Everything that a run holds at a point: all things of all primitives that have a value then. A page ends early when it is large. */
    'history.state': { args: HistoryStateArgs; result: HistoryStateResult };
    /** In what two points differ: of one run, of a run and its fork, of any two runs. A page ends early when it is large. Where they have history in common, what ended by itself without a write is no difference. */
    'history.diff': { args: HistoryDiffArgs; result: HistoryDiffResult };
    /** Takes over into a run what its fork, or another fork of the same run, has changed since they parted: in one commit, or not at all. Documents are merged path by path; an array that one side has added to or taken from counts as a whole. Events are appended in their order; their payload then says where they are from, in merged_from {run, sequence, timestamp, hash}. */
    'history.merge': { args: HistoryMergeArgs; result: HistoryMergeResult };
    /** Why a thing is as it is: its versions, newest first, the commits that wrote them, what those had read, and so on down. What a commit had read is known where its run keeps provenance (run.create). */
    'history.explain': { args: HistoryExplainArgs; result: HistoryExplainResult };
    /** Sets how much history is kept. The narrowest rule counts: primitive in a run, run, primitive, database. What a rule does not keep goes when tables are merged, or with db.compact. */
    'retention.set': { args: RetentionSetArgs; result: RetentionSetResult };
    /** The rule that counts, and what it is a rule of. */
    'retention.get': { args: RetentionGetArgs; result: RetentionGetResult };
    /** The rules. */
    'retention.list': { args: RetentionListArgs; result: RetentionListResult };
    /** Removes a rule: a wider one counts again. */
    'retention.remove': { args: RetentionRemoveArgs; result: RetentionRemoveResult };
    /** What the database holds and costs. */
    'db.stats': { args: DbStatsArgs; result: DbStatsResult };
    /** Makes everything committed so far durable. */
    'db.sync': { args: DbSyncArgs; result: DbSyncResult };
    /** Makes tables of the log, and merges them. */
    'db.compact': { args: DbCompactArgs; result: DbCompactResult };
    /** Brings everything committed so far into tables, so that the next opening reads no log. */
    'db.checkpoint': { args: DbCheckpointArgs; result: DbCheckpointResult };
    /** Brings a folder with a copy of the database up to now; copies only what it does not have, and verifies that. */
    'db.backup': { args: DbBackupArgs; result: DbBackupResult };
    /** Writes all versions of all keys into one compressed file, the same bytes on every platform. */
    'db.export': { args: DbExportArgs; result: DbExportResult };
    /** Re-reads the files, structures and hash chains of the open database. */
    'db.verify': { args: DbVerifyArgs; result: DbVerifyResult };
    /** Keeps the state of the database under a name; open it read-only with the option snapshot. */
    'snapshot.create': { args: SnapshotCreateArgs; result: SnapshotCreateResult };
    /** The snapshots, oldest first. */
    'snapshot.list': { args: SnapshotListArgs; result: SnapshotListResult };
    /** Deletes a snapshot, and the files that nothing else needs. */
    'snapshot.delete': { args: SnapshotDeleteArgs; result: SnapshotDeleteResult };
}

export type OperationName = keyof Operations;
