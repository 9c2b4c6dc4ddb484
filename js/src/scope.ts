import type { Calls } from './caller.js';
import { Documents } from './documents.js';
import { Edges } from './edges.js';
import { Entities } from './entities.js';
import { Events } from './events.js';
import { Kv } from './kv.js';
import { Memories } from './memories.js';
import { Schemas } from './schemas.js';
import { States } from './states.js';
import { Traces } from './traces.js';
import { Vectors } from './vectors.js';

/** The keys, events, memories and so on of a run: as they are, or as a transaction sees them. */
export class Scope {
    /** The name of the run. */
    readonly name: string;
    readonly kv: Kv;
    readonly events: Events;
    readonly json: Documents;
    readonly schemas: Schemas;
    readonly entities: Entities;
    readonly memory: Memories;
    readonly states: States;
    readonly traces: Traces;
    readonly edges: Edges;
    readonly vectors: Vectors;

    constructor(calls: Calls, name: string | undefined) {
        this.name = name ?? 'default';
        this.kv = new Kv(calls, name);
        this.events = new Events(calls, name);
        this.json = new Documents(calls, name);
        this.schemas = new Schemas(calls, name);
        this.entities = new Entities(calls, name);
        this.memory = new Memories(calls, name);
        this.states = new States(calls, name);
        this.traces = new Traces(calls, name);
        this.edges = new Edges(calls, name);
        this.vectors = new Vectors(calls, name);
    }
}

/* Runtimes from before explicit resource management lack the symbol; compilers that translate
 * `await using` for them look for this one. */
export const asyncDispose: typeof Symbol.asyncDispose =
    Symbol.asyncDispose ?? (Symbol.for('Symbol.asyncDispose') as typeof Symbol.asyncDispose);
