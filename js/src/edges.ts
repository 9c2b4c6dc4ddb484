import { type Calls, type Camel, camel, checkOptions, type PageOptions, pages } from './caller.js';
import type { Edge, EdgeNeighboursResult, EdgePathResult, EdgeTraverseResult } from './generated/operations.js';
import { type AsOf, asOfArgs, asOfNames, type CallOptions } from './options.js';
import type { ObjectValue } from './values.js';

export interface EdgeOptions extends CallOptions {
    weight?: number | undefined;
    properties?: ObjectValue | undefined;
}

export interface EdgeListOptions extends PageOptions, AsOf {
    /** Only edges of this type. */
    type?: string | undefined;
}

export interface WalkOptions extends CallOptions, AsOf {
    /** Along the edges (out, default), against them, or both. */
    direction?: 'out' | 'in' | 'both' | undefined;
    /** Only along edges of these types, at most 16. */
    types?: readonly string[] | undefined;
    /** Look at so many edges at most. */
    edgesMax?: number | undefined;
}

export interface NeighbourOptions extends WalkOptions {
    /** 1-1000 names; 100 when left out. */
    limit?: number | undefined;
}

export interface TraverseOptions extends NeighbourOptions {
    /** By so many edges, 1-10; 1 when left out. */
    depth?: number | undefined;
    /** breadth (default): the nearest first; depth: as far as it goes, and back. */
    order?: 'breadth' | 'depth' | undefined;
}

export interface PathOptions extends WalkOptions {
    /** By so many edges at most. */
    depth?: number | undefined;
    /** The least sum of weights (an edge without one counts 1) and not the fewest edges. */
    weighted?: boolean | undefined;
}

const walkNames = ['direction', 'types', 'edgesMax', ...asOfNames, 'signal'];

/** The edges of one run: typed links between names, walked in an order that the edges alone decide. */
export class Edges {
    readonly #calls: Calls;
    readonly #run: string | undefined;

    constructor(calls: Calls, run: string | undefined) {
        this.#calls = calls;
        this.#run = run;
    }

    /** Links two names; an edge that is there is replaced. Resolves to the version. */
    async put(src: string, type: string, dst: string, options?: EdgeOptions): Promise<bigint> {
        checkOptions('edges.put', options, ['weight', 'properties', 'signal']);
        const { weight, properties } = options ?? {};
        const args = { run: this.#run, src, type, dst, weight, properties };
        return (await this.#calls.exec('edge.put', args, options)).version;
    }

    /** One edge; NotFound when there is none. */
    async get(src: string, type: string, dst: string, options?: CallOptions & AsOf): Promise<Edge> {
        checkOptions('edges.get', options, [...asOfNames, 'signal']);
        const args = { run: this.#run, src, type, dst, ...asOfArgs(options) };
        return (await this.#calls.exec('edge.get', args, options)).edge;
    }

    /** Deletes an edge; its history stays. Resolves to whether there was one. */
    async delete(src: string, type: string, dst: string, options?: CallOptions): Promise<boolean> {
        checkOptions('edges.delete', options, ['signal']);
        return (await this.#calls.exec('edge.delete', { run: this.#run, src, type, dst }, options)).existed;
    }

    /** The edges that begin at a name, by type and other end, read page by page. */
    out(src: string, options: EdgeListOptions = {}): AsyncGenerator<Edge, void, undefined> {
        checkOptions('edges.out', options, ['type', ...asOfNames, 'limit', 'signal']);
        return pages<Edge, string>(options, async (limit, cursor) => {
            const args = { run: this.#run, src, type: options.type, ...asOfArgs(options), limit, cursor };
            const page = await this.#calls.exec('edge.out', args, options);
            return { items: page.edges, cursor: page.cursor };
        });
    }

    /** The edges that end at a name. */
    in(dst: string, options: EdgeListOptions = {}): AsyncGenerator<Edge, void, undefined> {
        checkOptions('edges.in', options, ['type', ...asOfNames, 'limit', 'signal']);
        return pages<Edge, string>(options, async (limit, cursor) => {
            const args = { run: this.#run, dst, type: options.type, ...asOfArgs(options), limit, cursor };
            const page = await this.#calls.exec('edge.in', args, options);
            return { items: page.edges, cursor: page.cursor };
        });
    }

    /** The names that one edge leads to, each once. */
    async neighbours(of: string, options?: NeighbourOptions): Promise<Camel<EdgeNeighboursResult>> {
        checkOptions('edges.neighbours', options, ['limit', ...walkNames]);
        const args = { run: this.#run, of, limit: options?.limit, ...walkArgs(options) };
        return camel(await this.#calls.exec('edge.neighbours', args, options));
    }

    /** The names that can be reached by a few edges, each once, with the edge that led to it. */
    async traverse(from: string, options?: TraverseOptions): Promise<Camel<EdgeTraverseResult>> {
        checkOptions('edges.traverse', options, ['depth', 'order', 'limit', ...walkNames]);
        const { depth, order, limit } = options ?? {};
        const args = { run: this.#run, from, depth, order, limit, ...walkArgs(options) };
        return camel(await this.#calls.exec('edge.traverse', args, options));
    }

    /** The shortest path from one name to another; `found` says whether there is one. */
    async path(from: string, to: string, options?: PathOptions): Promise<Camel<EdgePathResult>> {
        checkOptions('edges.path', options, ['depth', 'weighted', ...walkNames]);
        const { depth, weighted } = options ?? {};
        const args = { run: this.#run, from, to, depth, weighted, ...walkArgs(options) };
        return camel(await this.#calls.exec('edge.path', args, options));
    }
}

function walkArgs(options: WalkOptions | undefined): {
    direction: string | undefined;
    types: readonly string[] | undefined;
    edges_max: number | undefined;
} & ReturnType<typeof asOfArgs> {
    const { direction, types, edgesMax } = options ?? {};
    return { direction, types, edges_max: edgesMax, ...asOfArgs(options) };
}
