// SPDX-License-Identifier: MIT
//
// The time that ages free memory.

import CHakmemShim

enum Clock {
    /// Milliseconds since some fixed moment, to the kernel's tick (1 to 10 ms); wraps in 49 days.
    static func nowMs() -> UInt32 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        return UInt32(truncatingIfNeeded: time.tv_sec * 1000 + time.tv_nsec / 1_000_000)
    }

    /// Nanoseconds that the calling thread has run.
    static func threadNs() -> UInt {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt(time.tv_sec) * 1_000_000_000 + UInt(time.tv_nsec)
    }

    /// Nanoseconds since some fixed moment.
    static func nowNs() -> UInt {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt(time.tv_sec) * 1_000_000_000 + UInt(time.tv_nsec)
    }
}
