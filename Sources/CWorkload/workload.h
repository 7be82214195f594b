/* SPDX-License-Identifier: MIT */
/*
 * The libc that the workloads call (Embedded Swift has no Glibc module on Linux), and the few
 * lines that Swift cannot say: volatile stores, calls with variable arguments, pointer macros.
 */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../CHakmem/hakmem.h"

/* The distance of the bytes written by workload_touch: the page size of the scenarios. */
#define WORKLOAD_PAGE_BYTES 4096

/*
 * Writes one byte in every page of a block. Volatile: a compiler that knows malloc and free may
 * drop plain stores to a block that is freed next, and the allocation with them.
 */
static inline void workload_touch(void *block, size_t bytes) {
  volatile unsigned char *byte = (volatile unsigned char *)block;
  for (size_t offset = 0; offset < bytes; offset += WORKLOAD_PAGE_BYTES) byte[offset] = 1;
}

/* Backs zeroed memory with pages, so that it stays zeroed and its faults are over. */
static inline void workload_touch_zero(void *block, size_t bytes) {
  volatile unsigned char *byte = (volatile unsigned char *)block;
  for (size_t offset = 0; offset < bytes; offset += WORKLOAD_PAGE_BYTES) byte[offset] = 0;
}

/* Writes a byte over and over; volatile, so that every write is made. */
static inline void workload_write(void *block, int times) {
  volatile unsigned char *byte = (volatile unsigned char *)block;
  for (int time = 0; time < times; time++) *byte = (unsigned char)time;
}

/* Zeroed memory that is no allocator's, not backed by pages yet. NULL when there is none. */
static inline void *workload_map(size_t bytes) {
  void *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return start == MAP_FAILED ? NULL : start;
}

/* The environment, which libc declares as a mutable variable only. */
extern char **environ;
static inline char **workload_environment(void) { return environ; }

/* open(2) for reading; open has variable arguments. */
static inline int workload_open(const char *path) { return open(path, O_RDONLY | O_CLOEXEC); }

/*
 * How many allocation calls hakmem counts as served, asked through its `hak_stats` at `function`
 * (from dlsym); -1 when it refuses.
 */
static inline int64_t workload_hak_calls(void *function) {
  hak_stats_t stats;
  memset(&stats, 0, sizeof stats);
  int (*read_stats)(hak_stats_t *, size_t) = (int (*)(hak_stats_t *, size_t))function;
  if (read_stats(&stats, sizeof stats) != 0) return -1;
  return (int64_t)(stats.calls_malloc + stats.calls_calloc + stats.calls_realloc +
                   stats.calls_aligned);
}

#endif
