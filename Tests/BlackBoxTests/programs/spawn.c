/* SPDX-License-Identifier: MIT */
/* Every way to start a program, with a busy heap before, between and after. */
#define _GNU_SOURCE
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "check.h"

extern char **environ;
static atomic_bool done;

static void churn(uint64_t seed, int rounds) {
  for (int i = 0; i < rounds; i++) {
    size_t size = random_size(&seed, 1 << 20);
    void *block = malloc(size);
    CHECK(block != NULL);
    fill(block, size, 3);
    CHECK(holds(block, size, 3));
    free(block);
  }
}

static void *run(void *seed) {
  while (!done) churn((uint64_t)(uintptr_t)seed, 100);
  return NULL;
}

static void expect_exit(pid_t child, int code) {
  int status;
  CHECK(child > 0);
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == code);
}

int main(void) {
  pthread_t threads[2];
  for (uintptr_t i = 0; i < 2; i++) {
    CHECK(pthread_create(&threads[i], NULL, run, (void *)(i + 1)) == 0);
  }
  char *arguments[] = {"sh", "-c", "exit 3", NULL};
  for (int round = 0; round < 30; round++) {
    pid_t child = vfork();
    if (child == 0) {
      execve("/bin/sh", arguments, environ);
      _exit(127);
    }
    expect_exit(child, 3);
    churn(5, 200);

    CHECK(posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, environ) == 0);
    expect_exit(child, 3);
    CHECK(WEXITSTATUS(system("exit 4")) == 4);

    char line[32] = {0};
    FILE *pipe = popen("echo from a pipe", "r");
    CHECK(pipe != NULL && fgets(line, sizeof line, pipe) != NULL);
    CHECK(strcmp(line, "from a pipe\n") == 0 && pclose(pipe) == 0);

    child = fork();
    if (child == 0) {
      churn(6, 200);
      execve("/bin/sh", arguments, environ);
      _exit(127);
    }
    expect_exit(child, 3);
  }
  done = 1;
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  say(1, "ok\n");
  return 0;
}
