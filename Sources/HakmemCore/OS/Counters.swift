// SPDX-License-Identifier: MIT
//
// Counts of system calls, for the statistics. Written by any thread with relaxed additions: they
// order nothing, and readers take them as of some moment.

import Synchronization

struct SystemCallCounters: ~Copyable {
    let mmap = Atomic<UInt>(0)
    let munmap = Atomic<UInt>(0)
    let mremap = Atomic<UInt>(0)
    let purges = Atomic<UInt>(0)
    let purgedBytes = Atomic<UInt>(0)
}

/// Guarded by: nothing; every field is atomic.
let counters = SystemCallCounters()
