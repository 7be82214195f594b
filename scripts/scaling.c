// SPDX-License-Identifier: MIT
//
// The operations whose steps scripts/measure-scaling.py counts, and threads whose memory it reads.
//
//   scaling paths        each operation by two threads in turn, between stores to `marks` that
//                        say which it is
//   scaling threads N H  N threads that wait, each after allocating a little if H is 1
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAIR_MALLOC, PAIR_FREE, BUILD, DROP, REMOTE, AFTER_REMOTE, MEDIUM_MALLOC, MEDIUM_FREE,
       KEPT_MALLOC, KEPT_FREE, LARGE_MALLOC, LARGE_FREE, WHALE_MALLOC, WHALE_FREE, FIRST_MALLOC,
       EXIT, TRIM, OPERATIONS };

static const char *const names[OPERATIONS] = {
    "malloc, hit", "free, hit", "malloc, building", "free, dropping", "free, remote",
    "malloc, after remote frees", "malloc, medium", "free, medium", "malloc, large, kept",
    "free, large, kept", "malloc, large", "free, large", "malloc, whale", "free, whale",
    "thread's first malloc", "thread's exit", "malloc_trim"};

// [operation][thread][0 begin, 1 end]; nothing else lies on these lines.
static volatile char marks[OPERATIONS][2][2] __attribute__((aligned(4096)));
#define COUNTED(operation, thread, call) \
    (marks[operation][thread][0] = 1, (call), marks[operation][thread][1] = 1)

enum { BLOCKS = 1500, LARGE = 64, RUN = 16, STACK = 256 << 10 };
// Known stacks, which are not counted: two of short threads, two of those that start them.
static char stacks[4][STACK] __attribute__((aligned(4096)));
static void *blocks[2][BLOCKS];
static sem_t turns[2];

static void yield_turn(int me) {
    sem_post(&turns[!me]);
    sem_wait(&turns[me]);
}

static void allocate(int me, int operation, size_t size, int count) {
    for (int i = 0; i < count; i++) {
        COUNTED(operation, me, blocks[me][i] = malloc(size));
        *(volatile char *)blocks[me][i] = 1;
        if (i % RUN == RUN - 1) yield_turn(me);
    }
}

static void release(int me, int operation, int count) {
    for (int i = count - 1; i >= 0; i--) {
        COUNTED(operation, me, free(blocks[me][i]));
        if (i % RUN == 0) yield_turn(me);
    }
}

static void pairs(int me, int first, size_t size, int count) {
    for (int i = 0; i < count; i++) {
        void *block;
        COUNTED(first, me, block = malloc(size));
        *(volatile char *)block = 1;
        COUNTED(first + 1, me, free(block));
        if (i % RUN == RUN - 1) yield_turn(me);
    }
}

static void *begin_and_exit(void *argument) {
    int me = *(int *)argument;
    COUNTED(FIRST_MALLOC, me, free(malloc(100)));
    for (int i = 0; i < 50; i++) free(malloc(i * 40));
    marks[EXIT][me][0] = 1;  // its end is marked by who joins
    return NULL;
}

static pthread_t start(char *stack, void *(*body)(void *), int *me) {
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack, STACK);
    if (pthread_create(&thread, &attributes, body, me)) exit(1);
    return thread;
}

static void *work(void *argument) {
    int me = *(int *)argument;
    sem_wait(&turns[me]);
    for (int i = 0; i < 40; i++) free(malloc(48));
    pairs(me, PAIR_MALLOC, 48, 320);
    allocate(me, BUILD, 64, BLOCKS);
    release(me, DROP, BLOCKS);
    for (int i = 0; i < BLOCKS; i++) blocks[me][i] = malloc(64);
    yield_turn(me);
    // Each frees the other's, then allocates as many.
    for (int i = 0; i < BLOCKS; i++) {
        COUNTED(REMOTE, me, free(blocks[!me][i]));
        if (i % RUN == RUN - 1) yield_turn(me);
    }
    yield_turn(me);
    allocate(me, AFTER_REMOTE, 64, BLOCKS);
    yield_turn(me);
    for (int i = 0; i < BLOCKS; i++) free(blocks[me][i]);
    allocate(me, MEDIUM_MALLOC, 4096, 320);
    release(me, MEDIUM_FREE, 320);
    pairs(me, KEPT_MALLOC, 100000, 320);
    allocate(me, LARGE_MALLOC, 200000, LARGE);
    release(me, LARGE_FREE, LARGE);
    pairs(me, WHALE_MALLOC, 100 << 20, 32);
    for (int i = 0; i < 32; i++) {
        pthread_t thread = start(stacks[me], begin_and_exit, &me);
        pthread_join(thread, NULL);
        marks[EXIT][me][1] = 1;
        yield_turn(me);
    }
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < LARGE; j++) blocks[me][j] = malloc(200000);
        for (int j = 0; j < LARGE; j++) free(blocks[me][j]);
        COUNTED(TRIM, me, malloc_trim(0));
        yield_turn(me);
    }
    sem_post(&turns[!me]);
    return NULL;
}

static void count_paths(void) {
    Dl_info library;
    if (!dladdr(dlsym(RTLD_DEFAULT, "malloc"), &library)) exit(1);
    printf("%s\n%p\n%p\n%p\n%d\n", library.dli_fname, library.dli_fbase, (void *)marks,
           (void *)stacks, 4 * STACK);
    for (int i = 0; i < OPERATIONS; i++) printf("%s\n", names[i]);
    fflush(stdout);
    pthread_t threads[2];
    int numbers[2] = {0, 1};
    for (int i = 0; i < 2; i++) sem_init(&turns[i], 0, 0);
    for (int i = 0; i < 2; i++) threads[i] = start(stacks[2 + i], work, &numbers[i]);
    sem_post(&turns[0]);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
}

static pthread_barrier_t ready, over;
static int allocates;

static void *wait_for_end(void *argument) {
    (void)argument;
    if (allocates) {
        for (size_t size = 16; size <= 1024; size *= 4) free(malloc(size));
    }
    pthread_barrier_wait(&ready);
    pthread_barrier_wait(&over);
    return NULL;
}

static void hold_threads(unsigned count) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    pthread_barrier_init(&ready, NULL, count + 1);
    pthread_barrier_init(&over, NULL, count + 1);
    for (unsigned i = 0; i < count; i++) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, wait_for_end, NULL)) {
            fprintf(stderr, "scaling: no thread %u\n", i);
            exit(1);
        }
    }
    pthread_barrier_wait(&ready);
    char line[512];
    unsigned maps = 0;
    FILE *file = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, file)) maps += strchr(line, '\n') != NULL;
    fclose(file);
    file = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, file)) {
        if (!strncmp(line, "VmRSS", 5) || !strncmp(line, "VmSize", 6) || !strncmp(line, "VmPTE", 5))
            fputs(line, stdout);
    }
    printf("Maps: %u\n", maps);
    fflush(stdout);
    _exit(0);
}

int main(int count, char **words) {
    if (count == 2 && !strcmp(words[1], "paths")) {
        count_paths();
        return 0;
    }
    if (count != 4 || strcmp(words[1], "threads")) {
        fprintf(stderr, "usage: scaling paths | scaling threads COUNT 0|1\n");
        return 64;
    }
    allocates = atoi(words[3]);
    hold_threads((unsigned)atoi(words[2]));
}
