/* SPDX-License-Identifier: MIT */
/*
 * injector FIRST COUNT PROGRAM ARGUMENT...: runs a program and answers ENOMEM to COUNT of its
 * memory system calls, from the FIRST (1 is the first). Calls of the dynamic loader and mappings
 * of files are not counted, as no allocator can do without them. Writes the number of counted
 * calls to standard error as `calls N` and exits as the program did.
 *
 * The program runs under a seccomp filter that asks this process about each such call.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "check.h"

#define ASK(name) \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1), \
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)

/* Installs the filter; gives the descriptor on which the questions arrive. */
static int install_filter(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      ASK(mmap), ASK(mremap), ASK(madvise), ASK(mprotect), ASK(brk),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                              SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  CHECK(listener >= 0);
  return listener;
}

/* Sends a descriptor through `socket`, or receives one when `descriptor` is negative. */
static int pass_descriptor(int socket, int descriptor) {
  char byte = 0, space[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space,
                           .msg_controllen = sizeof space};
  if (descriptor < 0) {
    CHECK(recvmsg(socket, &message, 0) == 1);
    memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof descriptor);
    return descriptor;
  }
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  *header = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
  memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  CHECK(sendmsg(socket, &message, 0) == 1);
  return descriptor;
}

/* Whether `address` lies in the dynamic loader of process `id`. */
static int is_in_loader(pid_t id, uint64_t address) {
  char path[64], line[512];
  snprintf(path, sizeof path, "/proc/%d/maps", id);
  FILE *maps = fopen(path, "r");
  int found = 0;
  while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
    unsigned long long start, end;
    if (sscanf(line, "%llx-%llx", &start, &end) != 2) continue;
    if (address >= start && address < end) found = strstr(line, "/ld-linux") != NULL;
  }
  if (maps != NULL) fclose(maps);
  return found;
}

/* Whether the allocator made this call. */
static int is_counted(const struct seccomp_notif *question) {
  const struct seccomp_data *call = &question->data;
  if (call->nr == __NR_mmap && !(call->args[3] & MAP_ANONYMOUS)) return 0;
  return !is_in_loader((pid_t)question->pid, call->instruction_pointer);
}

/* Answers the questions until the program has ended; gives the number of counted calls. */
static long answer(int listener, long first, long count) {
  long calls = 0;
  struct seccomp_notif question;
  struct pollfd ready = {.fd = listener, .events = POLLIN};
  for (;;) {
    if (poll(&ready, 1, -1) < 0 && errno == EINTR) continue;
    if (!(ready.revents & POLLIN)) return calls;
    memset(&question, 0, sizeof question);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &question) != 0) continue;
    struct seccomp_notif_resp reply = {.id = question.id,
                                       .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    if (is_counted(&question)) {
      calls++;
      if (calls >= first && calls - first < count) {
        reply.flags = 0;
        /* A refused brk is no error: it answers the break as it was, which is 0 here. */
        if (question.data.nr != __NR_brk) reply.error = -ENOMEM;
      }
    }
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply);
  }
}

int main(int argument_count, char **arguments) {
  CHECK(argument_count >= 4);
  int pair[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    int listener = install_filter();
    pass_descriptor(pair[1], listener);
    close(listener);
    const char *preload = getenv("INJECTOR_PRELOAD");
    if (preload != NULL) setenv("LD_PRELOAD", preload, 1);
    execv(arguments[3], arguments + 3);
    _exit(127);
  }
  int listener = pass_descriptor(pair[0], -1);
  long calls = answer(listener, atol(arguments[1]), atol(arguments[2]));
  fprintf(stderr, "calls %ld\n", calls);
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) fprintf(stderr, "signal %d\n", WTERMSIG(status));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
