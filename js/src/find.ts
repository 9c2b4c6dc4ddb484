import type { PageOptions } from './caller.js';
import { type AsOf, asOfArgs, asOfNames } from './options.js';
import type { Value } from './values.js';

/** Conditions on what is at a path; those in one object must all hold. */
export interface Condition {
    /** A JSON Pointer or the dotted form. */
    path: string;
    eq?: Value;
    /** Not eq: holds of what is missing, too. */
    ne?: Value;
    lt?: Value;
    lte?: Value;
    gt?: Value;
    gte?: Value;
    /** One of these is equal. */
    in?: readonly Value[];
    /** It is an array, and an element is equal. */
    contains?: Value;
    exists?: boolean;
}

/** Numbers compare by what they are; what is missing or of another kind is not equal and has no order. */
export type Filter =
    | Condition
    | { and: readonly Filter[] }
    | { or: readonly Filter[] }
    | { not: Filter }
    | { [name: string]: never };

export interface FindOptions extends PageOptions, AsOf {
    /** Everything when left out. */
    where?: Filter | undefined;
    /** A path; by key when left out. What has no scalar there comes last. */
    orderBy?: string | undefined;
    reverse?: boolean | undefined;
    /** Only keys that begin so. */
    prefix?: string | undefined;
}

export const findNames = ['where', 'orderBy', 'reverse', 'prefix', ...asOfNames, 'limit', 'signal'];

export function findArgs(options: FindOptions) {
    const { where, orderBy, reverse, prefix } = options;
    return { where: where as Value as { [name: string]: Value } | undefined, order_by: orderBy, reverse, prefix, ...asOfArgs(options) };
}
