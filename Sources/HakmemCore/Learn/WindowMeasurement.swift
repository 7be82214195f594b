// SPDX-License-Identifier: MIT

/// What was measured in one window, under one strategy. The caller closes a window after so
/// many events of slow paths or so long, whichever is first; learning depends on neither figure.
package struct WindowMeasurement {
    /// When the window ended, in milliseconds of a clock that only runs forward.
    package var endMs: UInt = 0
    /// How long the window lasted, in nanoseconds.
    package var lengthNs: UInt = 0
    /// Slow-path events.
    package var events: UInt = 0
    /// CPU time within the allocator, in nanoseconds.
    package var allocatorNs: UInt = 0
    package var pageFaults: UInt = 0
    /// Memory that the heap holds, in bytes, averaged over the window.
    package var residentBytes: UInt = 0
    /// Memory that is out with the program, in bytes: its level over many windows, for what comes
    /// and goes is out for as much of a window as the strategy makes it last. 0 when not known.
    package var liveBytes: UInt = 0
    /// The 99th percentile of a slow path's duration, in nanoseconds.
    package var p99Ns: Double = 0
    package var sizes = SizeDistribution()
    /// The strategies that this window's demands tell apart, a bit each.
    package var candidates = Strategy.everyone

    package init() {}
}
