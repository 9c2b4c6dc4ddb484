/* Notes that can be recalled: one page on strata-db, with no framework and no build.
 *
 * The interesting parts are open(), rememberAll() and recall(); the rest puts words on the page. */
import { open, StrataError } from 'strata-db';

const PAGE = 20; // memories shown at a time
const CHUNK_MAX = 2000; // characters of one memory; a longer paragraph becomes several
const IN_FLIGHT = 200; // writes that the worker has been given and not yet answered

const $ = (id) => document.getElementById(id);
const controls = ['query', 'text', 'remember', 'choose'].map($);
const number = new Intl.NumberFormat('en');
let db;

/* ---- Open ---------------------------------------------------------------------------------- */

async function start() {
    show('problem', false);
    const begun = performance.now();
    try {
        db = await open('opfs:notes', { onProgress: showProgress });
    } catch (error) {
        say('summary', 'Not open.');
        return showProblem(error);
    } finally {
        show('opening', false);
    }
    const opened = performance.now() - begun;
    controls.forEach((control) => (control.disabled = false));
    await showCount(`opened in ${milliseconds(opened)}`);
    await refresh();
    $('query').focus();
    const kept = await db.persisted;
    say('kept', kept ? 'The browser promised to keep them.' : 'The browser may remove them when the disk is full.');
}

function showProgress({ stage, done, total }) {
    show('opening', true);
    say('stage', stage === 'index' ? `Indexing: ${number.format(done)} memories` : 'Reading the log');
    const bar = $('progress');
    if (total > 0) {
        bar.max = total;
        bar.value = done;
    } else {
        bar.removeAttribute('value');
    }
}

/* ---- Remember ------------------------------------------------------------------------------ */

$('tell').addEventListener('submit', async (event) => {
    event.preventDefault();
    const text = $('text').value;
    if (text.trim() === '') {
        return say('told', 'There is nothing to remember yet.');
    }
    const memories = paragraphs(text).map((text) => ({ text, tags: ['note'] }));
    if (await rememberAll(memories)) {
        $('text').value = '';
    }
});

/** Remembers all of them; resolves to whether they are stored. */
async function rememberAll(memories) {
    const begun = performance.now();
    try {
        // Many writes may be under way at once; the worker takes them in order.
        for (let at = 0; at < memories.length; at += IN_FLIGHT) {
            say('told', `Remembering ${number.format(at)} of ${number.format(memories.length)}…`);
            const batch = memories.slice(at, at + IN_FLIGHT);
            await Promise.all(batch.map(({ text, ...options }) => db.memory.remember(text, options)));
        }
        // Until here they were written; now they would survive a power cut.
        await db.sync();
    } catch (error) {
        say('told', '');
        showProblem(error);
        return false;
    }
    const took = milliseconds(performance.now() - begun);
    say('told', `Remembered ${count(memories.length, 'memory', 'memories')} in ${took}.`);
    await showCount();
    await refresh();
    return true;
}

/** One memory per paragraph. A file that comes again replaces what it was before. */
async function rememberFile(file) {
    const text = await file.text();
    if (text.includes('\0')) {
        return say('told', `${file.name} is not a text file.`);
    }
    const prefix = `file/${file.name}#`;
    const memories = paragraphs(text).map((text, i) => ({
        text,
        key: prefix + String(i + 1).padStart(6, '0'),
        metadata: { source: file.name },
        tags: ['file'],
    }));
    if (await rememberAll(memories)) {
        const keys = new Set(memories.map(({ key }) => key));
        for await (const { key } of db.memory.list({ prefix })) {
            if (!keys.has(key)) {
                await db.memory.forget(key);
            }
        }
    }
}

function paragraphs(text) {
    return text
        .split(/\r?\n[ \t]*(?:\r?\n)+/)
        .map((paragraph) => paragraph.trim())
        .filter((paragraph) => paragraph !== '')
        .flatMap((paragraph) => paragraph.match(new RegExp(`[^]{1,${CHUNK_MAX}}(?=\\s|$)|[^]{1,${CHUNK_MAX}}`, 'gu')));
}

async function rememberFiles(files) {
    for (const file of files) {
        await rememberFile(file).catch(showProblem);
    }
}

$('choose').addEventListener('click', () => $('files').click());
$('files').addEventListener('change', async (event) => {
    await rememberFiles([...event.target.files]);
    event.target.value = '';
});

addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.classList.add('drop');
});
addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) {
        document.body.classList.remove('drop');
    }
});
addEventListener('drop', (event) => {
    event.preventDefault();
    document.body.classList.remove('drop');
    if (db) {
        void rememberFiles([...event.dataTransfer.files]);
    }
});

/* ---- Recall -------------------------------------------------------------------------------- */

let recalling = false;
let again = false;

$('query').addEventListener('input', refresh);
$('ask').addEventListener('submit', (event) => event.preventDefault());

/** Shows what fits the query, or all when there is none. While one recall runs, only the last word
 * typed counts. */
async function refresh() {
    if (recalling) {
        again = true;
        return;
    }
    recalling = true;
    $('list').ariaBusy = 'true';
    do {
        again = false;
        const query = $('query').value.trim();
        await (query === '' ? listAll() : recall(query)).catch(showProblem);
    } while (again);
    $('list').ariaBusy = 'false';
    recalling = false;
}

async function recall(query) {
    const asked = performance.now();
    try {
        const { hits, stats } = await db.memory.recall(query, { k: PAGE });
        const roundTrip = performance.now() - asked;
        say(
            'timing',
            `${count(hits.length, 'hit', 'hits')} among ${number.format(stats.memories)} · ` +
                `engine ${milliseconds(stats.elapsedUs / 1000)} · round trip ${milliseconds(roundTrip)}`,
        );
        showList('Best first', hits.map((hit) => card(hit.key, marked(hit.snippet), `score ${hit.score.toFixed(2)}`)));
        say('empty', 'Nothing fits.');
        show('empty', hits.length === 0);
    } catch (error) {
        if (error.code !== 'invalid_argument') {
            throw error;
        }
        say('timing', 'Type a word.'); // the query has only punctuation so far
    }
}

let listing;

async function listAll() {
    say('timing', '');
    listing = db.memory.list({ reverse: true });
    showList('Memories', []);
    await showMore();
    say('empty', 'Nothing is remembered yet.');
    show('empty', $('list').children.length === 0);
}

async function showMore() {
    for (let i = 0; i < PAGE; i++) {
        const { value: memory, done } = await listing.next();
        if (done) {
            return show('more', false);
        }
        $('list').append(card(memory.key, [memory.text], new Date(memory.timestamp / 1000).toLocaleString()));
    }
    show('more', true);
}

$('more').addEventListener('click', () => showMore().catch(showProblem));

/* ---- Forget -------------------------------------------------------------------------------- */

$('list').addEventListener('click', async (event) => {
    const key = event.target.dataset.forget;
    if (key === undefined) {
        return;
    }
    try {
        await db.memory.forget(key);
        event.target.closest('li').remove();
        await showCount();
    } catch (error) {
        showProblem(error);
    }
});

/* ---- On the page --------------------------------------------------------------------------- */

async function showCount(more) {
    const { memories } = await db.stats();
    say('summary', [count(memories, 'memory', 'memories'), more].filter(Boolean).join(', '));
}

function showList(title, cards) {
    say('list-title', title);
    show('more', false);
    show('empty', false);
    $('list').replaceChildren(...cards);
}

function card(key, text, about) {
    const item = document.createElement('li');
    const body = document.createElement('div');
    body.className = 'text';
    body.append(...text);
    const forget = document.createElement('button');
    forget.type = 'button';
    forget.textContent = 'Forget';
    forget.dataset.forget = key;
    forget.setAttribute('aria-label', `Forget: ${body.textContent.slice(0, 60)}`);
    const note = document.createElement('div');
    note.className = 'about';
    note.textContent = [origin(key), about].join(' · ');
    item.append(body, forget, note);
    return item;
}

/** Where a memory is from: 'file/oslo.md#000003' is the third paragraph of a file. */
function origin(key) {
    const [, name, part] = /^file\/(.*)#([0-9]+)$/s.exec(key) ?? [];
    return name === undefined ? 'typed here' : `${name}, paragraph ${Number(part)}`;
}

/** The words found are in [brackets]. */
function marked(snippet) {
    return snippet.split(/\[([^\]]*)\]/).map((part, i) => {
        if (i % 2 === 0) {
            return part;
        }
        const mark = document.createElement('mark');
        mark.textContent = part;
        return mark;
    });
}

/** An error in words, with what to do next. */
function showProblem(error) {
    const words = {
        busy: 'These notes are open in another tab. Close it, then try again.',
        no_space: 'The browser has no more space for this site. Forget something, or free disk space; what was remembered before is safe.',
        unavailable: error.message,
    };
    const text = error instanceof StrataError ? (words[error.code] ?? `${error.message} (${error.code})`) : String(error);
    say('problem-text', text);
    show('problem', true);
    show('retry', !db || error.code === 'unavailable');
    console.error(error);
}

$('retry').addEventListener('click', () => (db ? location.reload() : start()));

/** The clocks of a page step by 0.1 ms, and that is the least they can tell. */
function milliseconds(ms) {
    if (ms < 0.1) {
        return 'under 0.1 ms';
    }
    return ms < 1000 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function count(n, one, many) {
    return `${number.format(n)} ${n === 1 ? one : many}`;
}

function say(id, text) {
    $(id).textContent = text;
}

function show(id, visible) {
    $(id).hidden = !visible;
}

await start();
