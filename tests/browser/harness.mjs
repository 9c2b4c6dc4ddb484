/* What the tests of the page share: a server, a browser with a profile of its own, and a runner that says
 * what failed and goes on. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from '../../js/node_modules/playwright-core/index.mjs';
import { serve } from '../../examples/browser/serve.mjs';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
];
/* Generous: it only ends what hangs. */
const TIMEOUT_MS = 30_000;

const tests = [];

export function test(name, body) {
    tests.push({ name, body });
}

/** A profile that several browsers use one after the other. */
export class Profile {
    folder = mkdtempSync(join(tmpdir(), 'strata-browser-'));
    context;

    constructor(url) {
        this.url = url;
    }

    async launch() {
        this.context = await chromium.launchPersistentContext(this.folder, {
            executablePath: CHROMIUM,
            headless: true,
            args: FLAGS,
            viewport: { width: 960, height: 900 },
        });
        this.context.setDefaultTimeout(TIMEOUT_MS);
        return this.context;
    }

    /** A new tab on the page; init runs before the page's own scripts. */
    async page(init) {
        const context = this.context ?? (await this.launch());
        const page = await context.newPage();
        page.errors = [];
        page.on('pageerror', (error) => page.errors.push(String(error)));
        if (init) {
            await page.addInitScript(init);
        }
        await page.goto(this.url);
        return page;
    }

    async end() {
        await this.context?.close().catch(() => undefined);
        rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    }
}

/** Runs the tests whose names contain the words given; closes with the line that `make test` adds up. */
export async function runAll() {
    const words = process.argv.slice(2);
    const { server, url } = await serve(0);
    let passed = 0;
    let failed = 0;
    for (const { name, body } of tests) {
        if (words.length > 0 && !words.some((word) => name.includes(word))) {
            continue;
        }
        const profile = new Profile(url);
        const started = performance.now();
        try {
            await body(profile);
            passed++;
            console.log(`ok      ${name} (${Math.round(performance.now() - started)} ms)`);
        } catch (error) {
            failed++;
            console.log(`FAILED  ${name}\n        ${String(error.stack ?? error).replaceAll('\n', '\n        ')}`);
            console.log(`        to repeat it: node tests/browser/run.mjs '${name}'`);
        } finally {
            await profile.end();
        }
    }
    server.close();
    server.closeAllConnections();
    console.log(`${passed} passed, ${failed} failed`);
    process.exitCode = failed > 0 ? 1 : 0;
}
