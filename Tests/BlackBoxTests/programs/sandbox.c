/* SPDX-License-Identifier: MIT */
/*
 * Works the heap in a sandbox whose filter kills the process at any system call that is not on a
 * short list: memory, locks, the clock and the end of threads. Threads start before and after.
 */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "heap_work.h"

#define ALLOW(name) \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1), \
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static pthread_barrier_t closed;

static void enter_sandbox(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      ALLOW(read), ALLOW(write), ALLOW(mmap), ALLOW(munmap), ALLOW(mremap), ALLOW(mprotect),
      ALLOW(madvise), ALLOW(brk), ALLOW(futex), ALLOW(exit), ALLOW(exit_group),
      ALLOW(clock_gettime), ALLOW(getrandom), ALLOW(rt_sigaction), ALLOW(rt_sigprocmask),
      ALLOW(rt_sigreturn), ALLOW(clone), ALLOW(clone3), ALLOW(set_robust_list), ALLOW(rseq),
      ALLOW(sched_yield),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0);
}

static void work(uint64_t seed) {
  struct heap_work work = {.state = seed};
  heap_work_steps(&work, 4000, 8 << 20);
  heap_work_end(&work);
  CHECK(work.refused == 0);
  malloc_trim(0);
}

static void *run_early(void *seed) {
  pthread_barrier_wait(&closed);
  work((uint64_t)(uintptr_t)seed);
  return NULL;
}

static void *run_late(void *seed) {
  work((uint64_t)(uintptr_t)seed);
  return NULL;
}

int main(void) {
  pthread_barrier_init(&closed, NULL, 4);
  pthread_t threads[3];
  for (uintptr_t i = 0; i < 3; i++) {
    CHECK(pthread_create(&threads[i], NULL, run_early, (void *)(i + 1)) == 0);
  }
  enter_sandbox();
  pthread_barrier_wait(&closed);
  work(9);
  for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  pthread_t late;
  CHECK(pthread_create(&late, NULL, run_late, (void *)5) == 0);
  pthread_join(late, NULL);
  say(1, "ok\n");
  _exit(0);
}
