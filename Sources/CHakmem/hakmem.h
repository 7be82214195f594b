/* SPDX-License-Identifier: MIT */
/*
 * hakmem: a general-purpose memory allocator for Linux.
 *
 * The standard family (malloc, free, operator new, ...) is exported under its standard names; this
 * header declares what hakmem offers beside it. Every function may be called from any thread at any
 * time, also before constructors and after thread-local destructors. None may be called from a
 * signal handler that interrupted the allocator on the same thread, as with any malloc.
 */
#ifndef HAKMEM_H
#define HAKMEM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A call site: any address that stands for the place in the program that asks for memory. */
typedef const void *hak_site_t;

/*
 * Allocates at least `size` bytes, aligned to 16. A size of 0 gives a distinct pointer.
 * Errors: NULL with errno ENOMEM when memory is exhausted or `size` exceeds PTRDIFF_MAX.
 */
void *hak_alloc(size_t size);

/* hak_alloc for a given call site; equal to hak_alloc in its result. */
void *hak_alloc_at(size_t size, hak_site_t site);

/*
 * Frees a block of hakmem's, from whichever function it came. NULL does nothing. errno is kept.
 * Misuse (a block freed twice, a pointer that is no block) is reported and ends the program unless
 * HAKMEM_ON_ERROR=ignore.
 */
void hak_free(void *block);

/* hak_free for a given call site; equal to hak_free in its result. */
void hak_free_at(void *block, hak_site_t site);

/* `count * size` zeroed bytes. NULL with ENOMEM also when the product overflows. */
void *hak_calloc(size_t count, size_t size);

/*
 * Resizes a block, moving it if need be; NULL allocates; size 0 frees and gives NULL, as in glibc.
 * When it fails (NULL with ENOMEM) the block is left as it was.
 */
void *hak_realloc(void *block, size_t size);

/* Bytes usable at `block`: at least what was asked for. 0 for NULL. */
size_t hak_usable_size(const void *block);

/*
 * Returns free memory of the whole process to the operating system, from any thread.
 * Gives the number of bytes returned.
 */
size_t hak_trim(void);

#define HAK_STATS_VERSION 2
#define HAK_STATS_CLASSES_MAX 96

/* What one size class of the pools holds. */
typedef struct hak_class_stats {
  uint64_t block_bytes;  /* size of each block */
  uint64_t blocks_served; /* blocks handed out since the start */
  uint64_t blocks_live;  /* blocks that the program holds now */
  uint64_t spans;        /* spans that the class owns now */
  uint64_t span_bytes;   /* bytes of address space in those spans */
} hak_class_stats_t;

/* Numbers of the whole process. Counters count from the start; the rest are as of the call. */
typedef struct hak_stats {
  uint32_t version;     /* HAK_STATS_VERSION */
  uint32_t struct_size; /* bytes that the library has filled in */

  /*
   * malloc and free count nothing where they are fastest. Their two figures are exact when the
   * program runs with HAKMEM_STATS set, which takes that path away from free; else they count the
   * blocks that thread caches have taken from the heap, however often those were used again.
   */
  uint64_t calls_malloc;  /* served malloc, operator new and hak_alloc calls */
  uint64_t calls_calloc;  /* served calloc calls */
  uint64_t calls_realloc; /* served realloc and reallocarray calls */
  uint64_t calls_aligned; /* served aligned allocations of every kind */
  uint64_t calls_free;    /* blocks freed, by whichever call */
  uint64_t frees_remote;  /* of these: by a thread that does not own the block's span */

  uint64_t bytes_allocated; /* in blocks that the program holds, rounded to block sizes */
  uint64_t bytes_active;    /* in spans that hold at least one such block */
  uint64_t bytes_resident;  /* the process's resident set, from the kernel */
  uint64_t bytes_retained;  /* free and still backed by memory: dirty spans and caches */
  uint64_t bytes_mapped;    /* address space mapped for blocks */
  uint64_t bytes_metadata;  /* the allocator's own records that are backed by memory */

  uint64_t refills;             /* times a bin was refilled from a span */
  uint64_t spans_acquired;      /* spans taken from the page heap */
  uint64_t large_cache_hits;    /* large blocks served by a thread's reuse cache */
  uint64_t large_cache_misses;
  uint64_t whale_cache_hits;    /* mapped blocks served by the whale cache */
  uint64_t whale_cache_misses;
  uint64_t purges;              /* madvise calls that returned memory */
  uint64_t bytes_purged;
  uint64_t calls_mmap;
  uint64_t calls_munmap;
  uint64_t calls_mremap;
  uint64_t threads;             /* thread caches in use */
  uint64_t thread_caches;       /* thread caches ever made */
  uint64_t errors_ignored;      /* misuses under HAKMEM_ON_ERROR=ignore */

  uint64_t class_count; /* entries of `classes` in use */
  hak_class_stats_t classes[HAK_STATS_CLASSES_MAX];

  /* Since version 2. All 0 unless the process learns (HAKMEM_MODE, HAKMEM_EVO, HAKMEM_PROFILE). */
  uint64_t site_samples;         /* blocks asked for and freed that call sites were told of */
  uint64_t site_samples_dropped; /* and those that found the site table taken */
  uint64_t site_cache_hits;      /* large blocks and whales served from their site's own slots */
  uint64_t sites;                /* call sites in the table */
  uint64_t site_rules;           /* and those of them that have a rule */
} hak_stats_t;

/*
 * Fills `stats`, of which the caller knows `struct_size` bytes (sizeof(hak_stats_t)): a caller
 * compiled against a shorter, older struct gets just the fields it knows. The figures of running
 * threads are read without stopping them. 0, or -1 with EINVAL when `stats` is NULL or too short
 * for its first two fields.
 */
int hak_stats(hak_stats_t *stats, size_t struct_size);

#ifdef __cplusplus
}
#endif

#endif
