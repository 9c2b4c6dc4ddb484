/* crash.c - opening, closing, and the power cord.
 *
 * After a crash the database stands at some commit v. What is promised:
 *   v is at least the last commit whose durability was acknowledged;
 *   the state is the model's at v, and nothing else: the model is cut there and life goes on;
 *   a call that failed may be among the commits up to v, whole. Where there are more of them than one,
 *   the order that explains the state is looked for.
 */
/* Before the model, whose name it has for parameters. */
#include "api/handle.h"

#include "life.h"

#include "snapshots.h"

#include "store/maintain/maintain.h"

static const char path[] = "db";

/* ---- Opening --------------------------------------------------------------------------------- */

static uint64_t version_of(life *l) {
    op o = {.kind = op_find("db.stats"), .as_of = UINT64_MAX};
    maker mk = round_maker(l);
    strata_buffer out = {NULL, 0, 0, NULL};
    op_encode(&mk, &o);
    if (op_run(&o, l->handles[0], &out) != STRATA_OK) {
        life_fail(l, "db.stats fails: %s", strata_errmsg(l->handles[0]));
    }
    const uint64_t version =
        (uint64_t)int_of(field_of(object_of(st_buffer_slice(&out)), "version"));
    strata_buffer_free(&out);
    return version;
}

static strata_status try_open(life *l) {
    l->options.host = &l->machine->host;
    l->options.error = &l->error;
    return strata_open(l->in_memory ? ":memory:" : path, &l->options, &l->handles[0]);
}

static void attach_clients(life *l) {
    for (unsigned i = 1; i < l->clients; i++) {
        while (strata_attach(l->handles[0], &l->handles[i]) != STRATA_OK) {
            if ((l->excuses >> STRATA_NO_MEMORY & 1) == 0) {
                life_fail(l, "another handle: %s", strata_errmsg(l->handles[0]));
            }
            fault_heal(l);
        }
    }
}

/* The commit that opening makes in a new database. */
static void begin_model(life *l) {
    static const uint8_t no_map = 0x80;
    static const uint8_t no_array = 0x90;
    const int64_t now_us = l->machine->wall_us;
    const model_run run = {.place = MODEL_DEFAULT,
                           .tags = st_slice(&no_array, 1),
                           .metadata = st_slice(&no_map, 1),
                           .created_us = now_us,
                           .updated_us = now_us};
    const model_write write = {
        MODEL_SYSTEM, MODEL_RUN, strata_text("default"), st_slice(&run, sizeof run), false, 0};
    model_commit(&l->model, now_us, &write, 1);
}

/* ---- Where it stands ------------------------------------------------------------------------- */

/* Puts calls that failed on the model, up to version `top`, so that everything readable fits. */
static bool place_unknown(life *l, uint64_t top, uint32_t taken) {
    if (l->model.last == top) {
        return check_everything(l, 2, true);
    }
    const uint64_t before = l->model.last;
    for (size_t i = 0; i < l->unknown_count; i++) {
        if ((taken >> i & 1) != 0) {
            continue;
        }
        const record *r = &l->unknown[i];
        const answer any = {STRATA_OK, {NULL, 0}};
        const moment at = {.model = &l->model,
                           .snapshot = before,
                           .wall_us = r->wall_us,
                           .now_us = r->now_us,
                           .value_bytes_max = l->options.value_bytes_max};
        (void)op_holds(&r->op, &at, &any, &l->expected);
        if (l->expected.status == STRATA_OK && l->expected.write_count > 0) {
            op_commit(&l->model, &l->expected);
            if (place_unknown(l, top, taken | 1u << i)) {
                return true;
            }
            model_cut(&l->model, before);
        }
    }
    return false;
}

/* A new database beside a model that has commits: nothing had been promised yet. */
static bool was_made_again(life *l, uint64_t version) {
    if (version != 1 || l->durable > 0) {
        return false;
    }
    model_cut(&l->model, 1);
    if (check_everything(l, 1, true)) {
        return false;
    }
    model_cut(&l->model, 0);
    begin_model(l);
    return true;
}

/* A run that tables know goes on from the newest time in any table, not from its own. That is later
 * than it need be, and up to the core: it is taken from there, if it makes sense. */
static void take_floor(life *l) {
    const int64_t floor_us = l->handles[0]->engine->model.store.shards.begin_us;
    int64_t newest_us = 0;
    for (unsigned run = 0; run < MODEL_RUNS_MAX; run++) {
        newest_us = l->model.newest_us[run] > newest_us ? l->model.newest_us[run] : newest_us;
    }
    if (floor_us > newest_us) {
        life_fail(l, "time goes on from %lld, but no commit is younger than %lld",
                  (long long)floor_us, (long long)newest_us);
    }
    l->model.floor_us = floor_us;
}

/* The snapshots are those that were acknowledged; of others it is known now. */
static void resolve_snapshots(life *l) {
    op o = {.kind = op_find("snapshot.list"), .as_of = UINT64_MAX};
    maker mk = round_maker(l);
    strata_buffer out = {NULL, 0, 0, NULL};
    (void)round_holds(l, &o, false);
    op_encode(&mk, &o);
    const strata_status status = op_run(&o, l->handles[0], &out);
    const answer got = {status, st_buffer_slice(&out)};
    if (status == STRATA_OK) {
        snapshot_settle(&l->model, &got);
    }
    strata_buffer_free(&out);
}

static void resolve(life *l) {
    const uint64_t version = version_of(l);
    const uint64_t last = l->model.last;
    if (version < l->durable) {
        life_fail(l, "recovered to commit %u, but %u was promised to be durable", (unsigned)version,
                  (unsigned)l->durable);
    }
    if (version > last + l->unknown_count) {
        life_fail(l, "recovered to commit %u; only %u and %u unknown ones were called for",
                  (unsigned)version, (unsigned)last, (unsigned)l->unknown_count);
    }
    if (!was_made_again(l, version)) {
        model_cut(&l->model, version);
        life_counts->placed += version > last ? version - last : 0;
        if (version > last && !place_unknown(l, version, 0)) {
            life_fail(l, "commit %u to %u are none of the %u calls that failed", (unsigned)last + 1,
                      (unsigned)version, (unsigned)l->unknown_count);
        }
    }
    take_floor(l);
    resolve_snapshots(l);
    l->slot_torn = l->may_break != 0;
    l->unknown_count = 0;
    l->ack_count = 0;
    /* What was recovered is made durable before anything is added. The first commit of all is made
     * by opening itself, and is buffered like any other. */
    if (!l->lying) {
        l->durable = version > 1 || l->options.durability == STRATA_STRICT ? version : 0;
    }
    (void)check_everything(l, chance_in(l, 4) ? UINT64_MAX : 3, false);
}

/* ---- Closing --------------------------------------------------------------------------------- */

static strata_status close_all(life *l) {
    strata_status status = STRATA_OK;
    const st_maintenance *maintenance = l->handles[0]->engine->model.store.maintenance;
    life_counts->flushes += maintenance->flushes;
    life_counts->merges += maintenance->compactions;
    life_counts->trimmed += maintenance->versions_removed;
    for (unsigned i = l->clients; i > 0; i--) {
        status = strata_close(l->handles[i - 1]);
        l->handles[i - 1] = NULL;
    }
    memset(&l->txns, 0, sizeof l->txns);
    if (l->machine->open_files > 0) {
        life_fail(l, "%u files stay open after closing", (unsigned)l->machine->open_files);
    }
    return status;
}

void life_close(life *l) {
    const strata_status status = close_all(l);
    if (status != STRATA_OK && !is_excused(l, status) && !l->broken) {
        life_fail(l, "closing: %s", strata_status_name(status));
    }
    if (status == STRATA_OK && l->broken) {
        life_fail(l, "closing says ok after the writer had failed");
    }
    if (status == STRATA_OK && !l->lying) {
        l->durable = l->model.last;
    }
    l->broken = false;
}

/* ---- The power cord -------------------------------------------------------------------------- */

void life_restart(life *l) {
    static const sim_policy policies[] = {SIM_NONE, SIM_ALL, SIM_RANDOM, SIM_RANDOM, SIM_KILL};
    sim_policy policy = policies[chance_below(l, sizeof policies / sizeof policies[0])];
    if (l->lying && policy == SIM_RANDOM) {
        policy = SIM_NONE; /* see the table in life.c */
    }
    if (life_traces) {
        (void)fprintf(stderr, "-- the power goes, policy %d\n", (int)policy);
    }
    if (l->lying) {
        snapshot_doubt(&l->model);
    }
    sim_restart(l->machine, policy, chance_below(l, UINT64_MAX));
    l->lying = l->lying && policy == SIM_KILL;
    sim_set_lying(l->machine, l->lying);
    l->killed = policy == SIM_KILL;
    life_counts->crashes++;
}

void life_open(life *l) {
    enum { TRIES = 6 };
    for (unsigned tries = 0;; tries++) {
        const strata_status status = try_open(l);
        if (status == STRATA_OK && !life_is_dead(l)) {
            break;
        }
        if (status == STRATA_OK) {
            (void)strata_close(l->handles[0]); /* it opened just before the power went */
            l->handles[0] = NULL;
        }
        if (life_is_dead(l)) {
            life_restart(l);
            if (tries < TRIES && chance_in(l, 3)) {
                sim_cut_power(l->machine, 1 + chance_below(l, 10));
            }
            continue;
        }
        if (!is_excused(l, status)) {
            life_fail(l, "does not open: %s", l->error.message);
        }
        fault_heal(l);
    }
    if (l->model.last == 0) {
        begin_model(l);
    }
    life_counts->openings++;
    attach_clients(l);
    sim_cut_power(l->machine, 0);
    l->crash_armed = false;
    resolve(l);
    /* On what was recovered, not much may be built. */
    if (l->faults_in > 0 && !l->in_memory && chance_in(l, l->killed ? 2 : 5)) {
        l->crash_armed = true;
        l->rounds_left = 1 + (unsigned)chance_below(l, 5);
        sim_cut_power(l->machine, 1 + chance_below(l, 6));
    }
    l->killed = false;
}

/* What a read-only opening shows is the model at its version. snapshot NULL: the database. */
static void look_inside(life *l, strata_db *db, const model_snapshot *snapshot) {
    l->handles[0] = db;
    const uint64_t version = version_of(l);
    const uint64_t least = snapshot == NULL ? l->durable : snapshot->version;
    if (version < least || (snapshot != NULL && version != least)) {
        life_fail(l, "read-only, it is at commit %u, but %u was promised to be there",
                  (unsigned)version, (unsigned)least);
    }
    if (version > 1 && version <= l->model.last) {
        const bool torn = l->slot_torn;
        l->present = version;
        l->slot_torn = true; /* only an opening that may write repairs it */
        (void)check_everything(l, 2, false);
        l->slot_torn = torn;
        l->present = UINT64_MAX;
    }
    (void)strata_close(db);
    l->handles[0] = NULL;
}

/* Opening read-only shows a state, too, and writes nothing. */
static void look_only(life *l, const model_snapshot *snapshot) {
    char name[256];
    strata_options options = l->options;
    const uint64_t changes = sim_calls(l->machine, SIM_CHANGING);
    strata_db *db = NULL;
    options.flags |= STRATA_OPEN_READ_ONLY;
    if (snapshot != NULL) {
        (void)snprintf(name, sizeof name, "%.*s", (int)snapshot->name.len,
                       (const char *)snapshot->name.data);
        options.snapshot = name;
    }
    const strata_status status = strata_open(path, &options, &db);
    if (status != STRATA_OK && (status != STRATA_NOT_FOUND || snapshot != NULL)) {
        life_fail(l, "%s does not open read-only: %s", snapshot == NULL ? "it" : options.snapshot,
                  l->error.message);
    }
    if (status == STRATA_OK) {
        look_inside(l, db, snapshot);
    }
    if (sim_calls(l->machine, SIM_CHANGING) != changes) {
        life_fail(l, "opening read-only has changed something");
    }
}

void life_look_back(life *l) {
    const model_snapshot *snapshot;
    const bool calm = l->excuses == 0 && !l->lying && !l->crash_armed;
    if (!calm || l->model.snapshot_count == 0 || l->model.doubts) {
        return;
    }
    snapshot = &l->model.snapshots[chance_below(l, l->model.snapshot_count)];
    if (snapshot->state == SNAPSHOT_THERE) {
        if (life_traces) {
            (void)fprintf(stderr, "-- the snapshot %.*s\n", (int)snapshot->name.len,
                          (const char *)snapshot->name.data);
        }
        look_only(l, snapshot);
        life_counts->snapshots++;
    }
}

void life_crash(life *l) {
    (void)close_all(l); /* the process is dead; this only frees its memory */
    l->broken = false;
    l->crash_armed = false;
    fault_heal(l);
    life_restart(l);
    if (chance_in(l, 6)) {
        damage_try(l, false);
    }
    if (chance_in(l, 6)) {
        look_only(l, NULL);
    }
    life_look_back(l);
    if (chance_in(l, 3)) { /* once more, while it recovers */
        sim_cut_power(l->machine, 1 + chance_below(l, 10));
    }
    life_open(l);
}
