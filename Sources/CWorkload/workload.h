/* SPDX-License-Identifier: MIT */
/* The libc that the workloads call: Embedded Swift has no Glibc module on Linux. */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#endif
