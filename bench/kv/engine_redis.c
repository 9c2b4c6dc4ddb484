/* engine_redis.c - Redis over its Unix socket: one round trip a call, a pipeline for a batch.
 *
 * Modes: "none" (no append-only file), "everysec", "always": appendfsync. open starts a server of
 * its own on a socket in the folder and close stops it; the kernel stops it as well should the
 * benchmark die.
 */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kv/engine.h"

enum { CONNECT_TRIES = 3000 }; /* of a millisecond */

struct kv_db {
    pid_t server;
    char socket[4096];
};

struct kv_session {
    redisContext *context;
    int queued;
};

/* The server goes into the folder before it makes the socket. */
static void run_server(const kv_setup *setup) {
    const int appends = strcmp(setup->mode, "none") != 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (freopen("/dev/null", "w", stdout) == NULL) {
        _exit(126);
    }
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", "redis.sock", "--dir",
           setup->folder, "--save", "", "--appendonly", appends ? "yes" : "no", "--appendfsync",
           appends ? setup->mode : "no", "--daemonize", "no", (char *)NULL);
    _exit(127);
}

static redisContext *try_connect(const char *socket) {
    redisContext *context = redisConnectUnix(socket);
    if (context != NULL && context->err != 0) {
        redisFree(context);
        context = NULL;
    }
    return context;
}

/* The server reads its append-only file before it answers; until then it says LOADING. */
static int is_ready(const char *socket) {
    redisContext *context = try_connect(socket);
    if (context == NULL) {
        return 0;
    }
    redisReply *reply = redisCommand(context, "PING");
    const int ready = reply != NULL && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    redisFree(context);
    return ready;
}

static kv_db *redis_open(const kv_setup *setup) {
    kv_db *db = kv_new(sizeof *db);
    snprintf(db->socket, sizeof db->socket, "%s/redis.sock", setup->folder);
    db->server = fork();
    if (db->server == 0) {
        run_server(setup);
    }
    for (int tries = 0; !is_ready(db->socket); tries++) {
        if (db->server < 0 || waitpid(db->server, NULL, WNOHANG) != 0 || tries == CONNECT_TRIES) {
            bench_fail("redis-server", "did not start (is it installed?)");
        }
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    return db;
}

static void redis_close(kv_db *db) {
    kill(db->server, SIGTERM);
    waitpid(db->server, NULL, 0);
    unlink(db->socket);
    free(db);
}

static kv_session *redis_session(kv_db *db, int thread) {
    (void)thread;
    kv_session *session = kv_new(sizeof *session);
    session->context = try_connect(db->socket);
    if (session->context == NULL) {
        bench_fail("redis", "no connection");
    }
    return session;
}

static void redis_end(kv_session *session) {
    redisFree(session->context);
    free(session);
}

static void need(const kv_session *session, const redisReply *reply) {
    if (reply == NULL) {
        bench_fail("redis", session->context->errstr);
    } else if (reply->type == REDIS_REPLY_ERROR) {
        bench_fail("redis", reply->str);
    }
}

static void redis_put(kv_session *session, const char *key, const void *value, size_t len) {
    redisReply *reply =
        redisCommand(session->context, "SET %b %b", key, (size_t)BENCH_KEY_BYTES, value, len);
    need(session, reply);
    freeReplyObject(reply);
}

static size_t redis_get(kv_session *session, const char *key, void *value, size_t size) {
    redisReply *reply = redisCommand(session->context, "GET %b", key, (size_t)BENCH_KEY_BYTES);
    need(session, reply);
    const size_t len = reply->type == REDIS_REPLY_STRING ? (size_t)reply->len : 0;
    memcpy(value, reply->str, len < size ? len : size);
    freeReplyObject(reply);
    return len;
}

static void redis_begin(kv_session *session) {
    session->queued = 0;
}

static void redis_add(kv_session *session, const char *key, const void *value, size_t len) {
    if (redisAppendCommand(session->context, "SET %b %b", key, (size_t)BENCH_KEY_BYTES, value,
                           len) != REDIS_OK) {
        bench_fail("redis", session->context->errstr);
    }
    session->queued++;
}

static void redis_commit(kv_session *session) {
    for (; session->queued > 0; session->queued--) {
        void *reply = NULL;
        (void)redisGetReply(session->context, &reply);
        need(session, reply);
        freeReplyObject(reply);
    }
}

/* Fields 14 and 15 of /proc/PID/stat, in ticks; the name before them may hold spaces. */
static double redis_cpu(kv_db *db) {
    char path[64];
    char text[1024];
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)db->server);
    FILE *file = fopen(path, "r");
    if (file == NULL || fgets(text, sizeof text, file) == NULL || strrchr(text, ')') == NULL ||
        sscanf(strrchr(text, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
               &user, &system) != 2) {
        bench_fail(path, "cannot be read");
    }
    fclose(file);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

const kv_engine kv_redis = {
    .name = "redis",
    .open = redis_open,
    .close = redis_close,
    .session = redis_session,
    .end = redis_end,
    .put = redis_put,
    .get = redis_get,
    .begin = redis_begin,
    .add = redis_add,
    .commit = redis_commit,
    .cpu = redis_cpu,
};
