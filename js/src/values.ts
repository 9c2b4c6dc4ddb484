/* The values of Strata in JavaScript.
 *
 *   null, bool, string    the same
 *   int                   a number that is a safe integer (not -0), or a bigint of 64 bits
 *   float                 any other number, or float(x), which makes a whole number a float
 *   bytes                 Uint8Array (ArrayBuffer is taken too)
 *   array, object         arrays; objects made by {} or with no prototype
 *
 * Reading gives ints within +-2^53 as numbers and others as bigints, so that no digit is lost; a float
 * is a number. JavaScript has one kind of number, so a float that is whole reads like an int: whoever
 * writes it back as a float says float(x).
 */

/** What can be stored. A property that is undefined is left out. */
export type Value =
    | null
    | boolean
    | number
    | bigint
    | string
    | Uint8Array
    | ArrayBuffer
    | Float
    | readonly Value[]
    | ObjectValue;

export interface ObjectValue {
    readonly [name: string]: Value | undefined;
}

/** What reading gives. */
export type StoredValue = null | boolean | number | bigint | string | Uint8Array | StoredValue[] | StoredObject;

export interface StoredObject {
    [name: string]: StoredValue;
}

/** A number that is stored as a float although it is whole. */
export class Float {
    constructor(readonly value: number) {}

    valueOf(): number {
        return this.value;
    }

    toJSON(): number {
        return this.value;
    }
}

/** Makes a number a float: float(1) is stored as 1.0, where 1 is stored as an int. */
export function float(value: number): Float {
    return new Float(value);
}
