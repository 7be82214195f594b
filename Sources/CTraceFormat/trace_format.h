/* SPDX-License-Identifier: MIT */
/*
 * The numbers of the two trace formats, which docs/trace-format.md explains: the log that the
 * recorder writes, and the trace that `hak trace` makes of it and that the replayer reads. Three
 * modules share them, of which two are Embedded Swift and cannot import the third.
 */
#ifndef HAKMEM_TRACE_FORMAT_H
#define HAKMEM_TRACE_FORMAT_H

#include <stdint.h>

/* ---- The log of one process image: a header, then chunks, each of one thread ---- */

#define TRACE_LOG_MAGIC 0x31474F4C4B4148ull /* "HAKLOG1" and a zero byte */
#define TRACE_LOG_HEADER_BYTES 4096
#define TRACE_LOG_CHUNK_BYTES 65536
#define TRACE_LOG_COMMAND_BYTES 1024

typedef struct trace_log_header {
  uint64_t magic;
  uint32_t process;   /* process id */
  uint32_t parent;    /* that of its parent */
  uint64_t missed;    /* calls that came while the same thread was recording one */
  uint32_t is_forked; /* 1: begins in the middle of a program, with blocks of its parent's */
  uint32_t is_cut;    /* 1: the limit or the file system ended it before the program did */
  uint8_t command[TRACE_LOG_COMMAND_BYTES]; /* words of the command line, a zero byte after each */
} trace_log_header_t;

typedef struct trace_log_chunk {
  uint32_t thread; /* from 1 up, in the order of the threads' first calls; 0: never used */
  uint32_t reserved;
  uint64_t order; /* what the order of the chunk's first event is relative to */
} trace_log_chunk_t;

/* ---- What an event is; both formats. 0 ends a chunk or a stream. ---- */

#define TRACE_END 0
#define TRACE_MALLOC 1
#define TRACE_CALLOC 2
#define TRACE_ALIGNED 3
#define TRACE_REALLOC 4
#define TRACE_FREE 5
#define TRACE_SPAWN 6 /* trace only: a thread begins */

/* ---- The trace: a header, a table of streams, the streams ---- */

#define TRACE_MAGIC 0x31435254204B4148ull /* "HAK TRC1" */
#define TRACE_COMMAND_BYTES 256

/* In the first byte of an event, beside its kind: it waits for another thread's event. */
#define TRACE_WAITS 8

/* The longest event: its first byte and four numbers of at most ten bytes. */
#define TRACE_EVENT_BYTES_MAX 41

typedef struct trace_header {
  uint64_t magic;
  uint32_t streams;        /* threads; stream 0 begins by itself, all others are spawned */
  uint32_t is_cut;         /* as in the log */
  uint64_t slots;          /* places for live blocks */
  uint64_t events;         /* of all streams, spawns not counted */
  uint64_t blocks_live_max;
  uint64_t bytes_live_max; /* as requested */
  uint64_t bytes_requested; /* by all events together */
  uint64_t calls[8];       /* by kind */
  uint64_t strangers;      /* frees and reallocs of blocks from before the recording: left out */
  uint64_t missed;         /* as in the log, and blocks whose free was not seen */
  uint8_t command[TRACE_COMMAND_BYTES]; /* text, filled up with zero bytes */
} trace_header_t;

typedef struct trace_stream {
  uint64_t offset; /* from the file's start */
  uint64_t bytes;
} trace_stream_t;

#endif
