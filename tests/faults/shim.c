/* Faults of the disk, for the append-only files of one program (LD_PRELOAD; variables FAULTS_CONTROL, FAULTS_PROGRAM).
 *
 * Power: bytes written to a file FILE.incr.aof are held back in memory until fsync or fdatasync of that file. So kill
 * -9 of the program is a power cut of its machine: what was written and not synchronised is gone. With `torn`, a part
 * of what is held back reaches the file before that, as the system may write at any time.
 *
 * Errors: FAULTS_CONTROL names a file of the layout of `struct control`, which the tests change while the program
 * runs. An error number there is what write or fsync fails with. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 4096
#define SUFFIX ".incr.aof"

struct control {
    int32_t write_error, sync_error, torn, holds_back;
    int32_t held; /* counts the writes that were held back */
};

struct held {
    int state; /* 0: not yet looked at, 1: another file, 2: an append-only file */
    dev_t device;
    ino_t inode;
    char *bytes;
    size_t length, room;
};

static struct control none, *volatile control = &none;
static int active;
static struct held files[FILES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_fsync)(int), (*real_fdatasync)(int), (*real_close)(int);

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork(void) { pthread_mutex_unlock(&lock); }
static void in_child(void) { /* what is held back belongs to the parent */
    for (int file = 0; file < FILES; file++) files[file].length = 0;
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void begin(void) {
    real_write = dlsym(RTLD_NEXT, "write");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_close = dlsym(RTLD_NEXT, "close");
    const char *program = getenv("FAULTS_PROGRAM"), *path = getenv("FAULTS_CONTROL");
    if (!program || !path || strcmp(program, program_invocation_short_name)) return;
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) abort();
    void *found = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (found == MAP_FAILED) abort();
    real_close(file);
    control = found;
    pthread_atfork(before_fork, after_fork, in_child);
    active = 1;
}

/* Return the record of an append-only file, or NULL. The lock is held. */
static struct held *find(int file) {
    if (file < 0 || file >= FILES) return NULL;
    struct held *one = &files[file];
    struct stat found;
    if (fstat(file, &found)) return NULL;
    if (one->state && (one->device != found.st_dev || one->inode != found.st_ino)) {
        free(one->bytes); /* closed by fclose, which does not call `close` below */
        memset(one, 0, sizeof *one);
    }
    if (one->state == 0) {
        one->device = found.st_dev;
        one->inode = found.st_ino;
        char link[64], path[PATH_MAX];
        snprintf(link, sizeof link, "/proc/self/fd/%d", file);
        ssize_t length = readlink(link, path, sizeof path);
        size_t suffix = strlen(SUFFIX);
        one->state = length >= (ssize_t)suffix && !memcmp(path + length - suffix, SUFFIX, suffix) ? 2 : 1;
    }
    return one->state == 2 ? one : NULL;
}

/* Write the first bytes that are held back to the file. The lock is held. */
static int pass_on(int file, struct held *one, size_t length) {
    size_t done = 0;
    while (done < length) {
        ssize_t wrote = real_write(file, one->bytes + done, length - done);
        if (wrote < 0 && errno != EINTR) break;
        if (wrote > 0) done += (size_t)wrote;
    }
    one->length -= done;
    if (done) memmove(one->bytes, one->bytes + done, one->length);
    return done < length ? -1 : 0;
}

ssize_t write(int file, const void *bytes, size_t length) {
    if (!active) return real_write(file, bytes, length);
    pthread_mutex_lock(&lock);
    struct held *one = find(file);
    if (!one || (!control->write_error && !control->holds_back)) {
        pthread_mutex_unlock(&lock);
        return real_write(file, bytes, length);
    }
    if (control->write_error) {
        errno = control->write_error;
        pthread_mutex_unlock(&lock);
        return -1;
    }
    if (one->length + length > one->room) {
        one->room = 2 * (one->length + length);
        one->bytes = realloc(one->bytes, one->room);
        if (!one->bytes) abort();
    }
    memcpy(one->bytes + one->length, bytes, length);
    one->length += length;
    control->held++;
    if (control->torn) pass_on(file, one, (size_t)rand() % one->length);
    pthread_mutex_unlock(&lock);
    return (ssize_t)length;
}

static int synchronise(int file, int (*real)(int)) {
    if (!active) return real(file);
    pthread_mutex_lock(&lock);
    struct held *one = find(file);
    int failed = 0;
    if (one && control->sync_error) {
        errno = control->sync_error;
        failed = -1;
    } else if (one) {
        failed = pass_on(file, one, one->length);
    }
    pthread_mutex_unlock(&lock);
    return failed ? failed : real(file);
}

int fsync(int file) { return synchronise(file, real_fsync); }

int fdatasync(int file) { return synchronise(file, real_fdatasync); }

int close(int file) {
    if (active && file >= 0 && file < FILES) {
        pthread_mutex_lock(&lock);
        struct held *one = &files[file];
        if (one->length) pass_on(file, one, one->length);
        free(one->bytes);
        memset(one, 0, sizeof *one);
        pthread_mutex_unlock(&lock);
    }
    return real_close(file);
}
