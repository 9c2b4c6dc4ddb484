// Made by tools/gen_ops.py from core/api/ops.def; `make gen` makes it again.
import type { OperationName } from './operations.js';

/** The operations that write. */
export const writes: ReadonlySet<OperationName> = new Set<OperationName>([
    'run.create',
    'run.pause',
    'run.resume',
    'run.complete',
    'run.fail',
    'run.cancel',
    'run.archive',
    'kv.put',
    'kv.delete',
    'kv.incr',
    'kv.cas',
    'event.append',
    'memory.remember',
    'memory.forget',
    'txn.commit',
    'db.sync',
]);

/** Fields that decoding has to treat: a version becomes a bigint, a shape is entered. */
export type SpecialFields = Readonly<Record<string, string>>;

export const shapeFields: Readonly<Record<string, SpecialFields>> = {
    Entry: { version: 'version' },
    Revision: { version: 'version' },
    Event: { version: 'version' },
    Run: { version: 'version' },
    Memory: { version: 'version' },
    Hit: { version: 'version' },
    RecallStats: {},
    Problem: {},
};

export const resultFields: Readonly<Record<OperationName, SpecialFields>> = {
    'run.create': { version: 'version' },
    'run.get': { run: 'Run' },
    'run.list': { runs: 'Run' },
    'run.pause': { version: 'version' },
    'run.resume': { version: 'version' },
    'run.complete': { version: 'version' },
    'run.fail': { version: 'version' },
    'run.cancel': { version: 'version' },
    'run.archive': { version: 'version' },
    'kv.put': { version: 'version' },
    'kv.get': { version: 'version' },
    'kv.delete': { version: 'version' },
    'kv.exists': {},
    'kv.list': { entries: 'Entry' },
    'kv.count': {},
    'kv.history': { revisions: 'Revision' },
    'kv.incr': { version: 'version' },
    'kv.cas': { version: 'version' },
    'event.append': { version: 'version' },
    'event.read': { event: 'Event' },
    'event.range': { events: 'Event' },
    'event.head': {},
    'event.verify': {},
    'memory.remember': { version: 'version' },
    'memory.get': { memory: 'Memory' },
    'memory.forget': { version: 'version' },
    'memory.list': { memories: 'Memory' },
    'memory.recall': { hits: 'Hit', stats: 'RecallStats' },
    'txn.begin': { version: 'version' },
    'txn.commit': { version: 'version' },
    'txn.rollback': {},
    'txn.savepoint': {},
    'txn.rollback_to': {},
    'txn.info': { version: 'version' },
    'db.stats': { version: 'version', durable_version: 'version' },
    'db.sync': { version: 'version' },
    'db.verify': { problems: 'Problem' },
};
