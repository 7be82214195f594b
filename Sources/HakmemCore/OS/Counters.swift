// SPDX-License-Identifier: MIT
//
// Counts of system calls, for the statistics. Written by any thread with relaxed additions: they
// order nothing, and readers take them as of some moment.
//
// They have cache lines of their own: other variables of the library, which lie beside them, are
// read by every slow path.

import Synchronization

struct SystemCallCounters: ~Copyable {
    private let before: (UInt, UInt, UInt, UInt, UInt, UInt, UInt, UInt) = (0, 0, 0, 0, 0, 0, 0, 0)
    let mmap = Atomic<UInt>(0)
    let munmap = Atomic<UInt>(0)
    let mremap = Atomic<UInt>(0)
    let purges = Atomic<UInt>(0)
    let purgedBytes = Atomic<UInt>(0)
    private let after: (UInt, UInt, UInt, UInt, UInt, UInt, UInt, UInt) = (0, 0, 0, 0, 0, 0, 0, 0)
}

/// Guarded by: nothing; every field is atomic.
let counters = SystemCallCounters()
