import { type Calls, type Camel, camel, checkOptions, type PageOptions, pages } from './caller.js';
import type { Commit, Difference, Explained, HistoryMergeResult, Item } from './generated/operations.js';
import { type AsOf, asOfArgs, asOfNames, type CallOptions } from './options.js';

/** The part of a history to go through: everything when left out. */
export interface HistoryRange {
    /** From this commit on. */
    from?: bigint | number | undefined;
    /** From this time on: a Date, or microseconds since the epoch. */
    fromTime?: Date | bigint | number | undefined;
    /** Up to this commit. */
    until?: bigint | number | undefined;
    /** Up to this time. */
    untilTime?: Date | bigint | number | undefined;
}

/** A primitive, by its name. */
export type Primitive = 'kv' | 'event' | 'state' | 'trace' | 'json' | 'memory' | 'edge' | 'schema' | 'entity';

export interface LogOptions extends PageOptions, HistoryRange {
    /** Only commits that changed this thing: 'kv:city', 'event:7', 'json:plan', ... */
    ref?: string | undefined;
    /** From the oldest to the newest. */
    reverse?: boolean | undefined;
}

export interface StateOptions extends PageOptions, AsOf {
    primitives?: readonly Primitive[] | undefined;
}

/** Two points: the run of this history at the first, and the same or another run at the second. */
export interface DiffPoints extends AsOf {
    /** The run of the other point; the same one when left out. */
    run?: string | undefined;
    /** The other point: a commit, or a time; now when left out. */
    otherAsOf?: bigint | number | undefined;
    otherAsOfTime?: Date | bigint | number | undefined;
    primitives?: readonly Primitive[] | undefined;
}

export interface DiffOptions extends PageOptions, DiffPoints {
    /** Whether to return the values; true when left out. */
    values?: boolean | undefined;
}

/** How many things of each primitive differ. */
export type DiffSummary = { [Name in Primitive]?: { added: number; removed: number; changed: number } };

export interface MergeOptions extends CallOptions {
    /** When both sides have changed the same thing: an error (strict, the default), or one side counts. */
    strategy?: 'strict' | 'theirs' | 'ours' | undefined;
    /** Only says what would happen; a conflict is no error then. */
    dryRun?: boolean | undefined;
}

export interface ExplainOptions extends CallOptions, AsOf {
    /** How many versions of the thing itself, newest first; 10 when left out. */
    versions?: number | undefined;
    /** How many levels below them; 3 when left out. */
    depth?: number | undefined;
    /** How many nodes in all, 1-1000; 100 when left out. */
    limit?: number | undefined;
}

/** A version of a thing, the commit that wrote it, and what that commit had read. */
export interface Explanation extends Omit<Camel<Explained>, 'parent' | 'depth'> {
    read: Explanation[];
}

const rangeNames = ['from', 'fromTime', 'until', 'untilTime'];
const otherNames = ['run', 'otherAsOf', 'otherAsOfTime', 'primitives'];

function rangeArgs({ from, fromTime, until, untilTime }: HistoryRange) {
    const first = asOfArgs({ asOf: from, asOfTime: fromTime });
    const last = asOfArgs({ asOf: until, asOfTime: untilTime });
    return { from: first.as_of, from_time: first.as_of_time, until: last.as_of, until_time: last.as_of_time };
}

/** What happened in a run, in what two points of runs differ, and why things are as they are. */
export class History {
    readonly #calls: Calls;
    readonly #run: string | undefined;

    constructor(calls: Calls, run: string | undefined) {
        this.#calls = calls;
        this.#run = run;
    }

    /** The commits and what they changed, newest first, read page by page. */
    log(options: LogOptions = {}): AsyncGenerator<Commit, void, undefined> {
        checkOptions('history.log', options, ['ref', 'reverse', ...rangeNames, 'limit', 'signal']);
        const { ref, reverse } = options;
        return pages<Commit, string>(options, async (limit, cursor) => {
            const args = { run: this.#run, ref, reverse, ...rangeArgs(options), limit, cursor };
            const page = await this.#calls.exec('history.log', args, options);
            return { items: page.commits, cursor: page.cursor };
        });
    }

    /** The commits in their order, each with all that it wrote. */
    replay(options: PageOptions & HistoryRange = {}): AsyncGenerator<Commit, void, undefined> {
        checkOptions('history.replay', options, [...rangeNames, 'limit', 'signal']);
        return pages<Commit, string>(options, async (limit, cursor) => {
            const args = { run: this.#run, ...rangeArgs(options), limit, cursor };
            const page = await this.#calls.exec('history.replay', args, options);
            return { items: page.commits, cursor: page.cursor };
        });
    }

    /** Everything that the run holds at a point, primitive by primitive. */
    state(options: StateOptions = {}): AsyncGenerator<Item, void, undefined> {
        checkOptions('history.state', options, ['primitives', ...asOfNames, 'limit', 'signal']);
        const { primitives } = options;
        return pages<Item, string>(options, async (limit, cursor) => {
            const args = { run: this.#run, primitives, ...asOfArgs(options), limit, cursor };
            const page = await this.#calls.exec('history.state', args, options);
            return { items: page.items, cursor: page.cursor };
        });
    }

    #diffArgs({ run: other_run, otherAsOf, otherAsOfTime, primitives, ...first }: DiffPoints) {
        const other = asOfArgs({ asOf: otherAsOf, asOfTime: otherAsOfTime });
        return {
            run: this.#run,
            ...asOfArgs(first),
            other_run,
            other_as_of: other.as_of,
            other_as_of_time: other.as_of_time,
            primitives,
        };
    }

    /** In what two points differ: `run.history.diff({ run: 'fork' })`, `run.history.diff({ asOf: 7 })`. */
    diff(options: DiffOptions = {}): AsyncGenerator<Camel<Difference>, void, undefined> {
        checkOptions('history.diff', options, [...asOfNames, ...otherNames, 'values', 'limit', 'signal']);
        return pages<Camel<Difference>, string>(options, async (limit, cursor) => {
            const args = { ...this.#diffArgs(options), values: options.values, limit, cursor };
            const page = await this.#calls.exec('history.diff', args, options);
            return { items: page.changes.map(camel), cursor: page.cursor };
        });
    }

    /** The same, only counted. */
    async diffSummary(options: CallOptions & DiffPoints = {}): Promise<DiffSummary> {
        checkOptions('history.diffSummary', options, [...asOfNames, ...otherNames, 'signal']);
        const args = { ...this.#diffArgs(options), summary: true };
        return (await this.#calls.exec('history.diff', args, options)).summary as unknown as DiffSummary;
    }

    /** Takes over into this run what its fork, or another fork of the same run, has changed. */
    async merge(source: string, options?: MergeOptions): Promise<Camel<HistoryMergeResult>> {
        checkOptions('history.merge', options, ['strategy', 'dryRun', 'signal']);
        const args = { source, target: this.#run, strategy: options?.strategy, dry_run: options?.dryRun };
        return camel(await this.#calls.exec('history.merge', args, options));
    }

    /** The versions of a thing, newest first; under each what the commit that wrote it had read. */
    async explain(ref: string, options?: ExplainOptions): Promise<{ versions: Explanation[]; truncated: boolean }> {
        checkOptions('history.explain', options, ['versions', 'depth', 'limit', ...asOfNames, 'signal']);
        const { versions, depth, limit } = options ?? {};
        const args = { run: this.#run, ref, versions, depth, limit, ...asOfArgs(options) };
        const { nodes, truncated } = await this.#calls.exec('history.explain', args, options);
        const roots: Explanation[] = [];
        const all: Explanation[] = [];
        for (const { parent, depth: _, ...node } of nodes) {
            const explained: Explanation = { ...camel(node), read: [] };
            (parent === undefined ? roots : (all[parent] as Explanation).read).push(explained);
            all.push(explained);
        }
        return { versions: roots, truncated };
    }
}
