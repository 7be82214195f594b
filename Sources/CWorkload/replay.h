/* SPDX-License-Identifier: MIT */
/* What the replay of traces needs beside workload.h. */
#ifndef WORKLOAD_REPLAY_H
#define WORKLOAD_REPLAY_H

#include <malloc.h>
#include <sched.h>

#include "workload.h"

/* Writes the first and the last byte of a block; volatile as workload_touch. */
static inline void workload_touch_ends(void *block, size_t bytes) {
  volatile unsigned char *byte = (volatile unsigned char *)block;
  if (bytes == 0) return;
  byte[0] = 1;
  byte[bytes - 1] = 1;
}

/* Tells the processor that this thread waits for another one. */
static inline void workload_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* A clock of CPU time: that of this thread or of the process. */
static inline int64_t workload_cpu_nanoseconds(clockid_t clock) {
  struct timespec time = {0, 0};
  clock_gettime(clock, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Begins a thread that nobody joins; an error number or 0. */
static inline int workload_spawn(void *(*body)(void *), void *argument) {
  pthread_t thread;
  int refusal = pthread_create(&thread, NULL, body, argument);
  return refusal != 0 ? refusal : pthread_detach(thread);
}

#endif
