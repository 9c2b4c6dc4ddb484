/* A transaction: moves an amount from one key to another and appends an event, all of it in one commit or
 * nothing, also when two of them meet.
 *
 *     node examples/node/transfer.mjs
 *
 * In a project of your own the import is from 'strata-db'. */
import { open } from '../../js/dist/node.js';

const db = await open(':memory:');
const account = (tx, name) => tx.kv.get(name, { default: 0 });

/** Resolves to what `from` has left. */
function transfer(from, to, amount) {
    return db.transaction(async (tx) => {
        const left = (await account(tx, from)) - amount;
        if (left < 0) {
            throw new RangeError(`${from} has not ${amount}`); // rolls back
        }
        await tx.kv.put(from, left);
        await tx.kv.put(to, (await account(tx, to)) + amount);
        await tx.events.append('transfer', { from, to, amount });
        return left;
    });
}

await db.kv.put('anna', 100);

// Both read the same balance; the one that commits second is run again, on what the first has left.
await Promise.all([transfer('anna', 'jonas', 60), transfer('anna', 'marit', 30)]);
console.log('anna', await account(db, 'anna'), 'jonas', await account(db, 'jonas'), 'marit', await account(db, 'marit'));

await transfer('anna', 'jonas', 60).catch((error) => console.log('nothing moved:', error.message));
for await (const { sequence, version, payload } of db.events.range()) {
    console.log(`event ${sequence} in commit ${version}:`, payload);
}
await db.close();
