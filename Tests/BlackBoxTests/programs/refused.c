/* SPDX-License-Identifier: MIT */
/*
 * refused STEPS: works the heap for so many steps, then has the kernel refuse every further mmap,
 * mremap, madvise, mprotect and brk, and goes on: allocations that need new memory fail with
 * ENOMEM, the rest of the heap stays as it is, and what is freed can be had again.
 */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "heap_work.h"

#define REFUSE(name, error) \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1), \
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))

static void refuse_memory(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      REFUSE(mmap, ENOMEM), REFUSE(mremap, ENOMEM), REFUSE(madvise, ENOMEM),
      REFUSE(mprotect, ENOMEM),
      /* A refused brk is no error: it answers a break that did not move, here 0. */
      REFUSE(brk, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  static struct heap_work before = {.state = 11}, after = {.state = 12};
  heap_work_steps(&before, atoi(arguments[1]), 4 << 20);
  CHECK(before.refused == 0);
  void *spare[100];
  for (int i = 0; i < 100; i++) CHECK((spare[i] = malloc(100)) != NULL);

  refuse_memory();
  errno = 0;
  CHECK(malloc((size_t)1 << 30) == NULL && errno == ENOMEM);
  heap_work_steps(&before, 10000, 4 << 20);
  heap_work_steps(&after, 10000, 1 << 16);
  for (int i = 0; i < 100; i++) free(spare[i]);
  for (int i = 0; i < 100; i++) CHECK((spare[i] = malloc(100)) != NULL);
  heap_work_end(&before);
  heap_work_end(&after);
  say(1, before.refused > 0 ? "ok, refusals seen\n" : "ok\n");
  return 0;
}
