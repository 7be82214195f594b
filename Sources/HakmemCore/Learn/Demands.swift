// SPDX-License-Identifier: MIT
//
// What a load asked of the settings that strategies differ in. A setting that nothing asked for
// decides nothing, and strategies that differ in such settings only are one and the same under that
// load: one of them is tried and stands for all (Strategy+Candidates).

/// Counts and peaks of a window, under one strategy.
package struct Demands {
    /// Refills of bins, and the blocks that they brought.
    package var refills: UInt = 0
    package var refilledBlocks: UInt = 0
    /// Large blocks and whales that no cache had.
    package var largeMisses: UInt = 0
    package var whaleMisses: UInt = 0
    /// Blocks that realloc has moved.
    package var moves: UInt = 0
    /// Calls that gave memory back to the system, unmapping included.
    package var purges: UInt = 0
    /// Most bytes kept: of large blocks in caches of threads, of whales, and of dirty free spans.
    package var largeBytesPeak: UInt = 0
    package var whaleBytesPeak: UInt = 0
    package var dirtyBytesPeak: UInt = 0
    /// Bytes held, and nanoseconds in slow paths: what the rest is felt against. And bytes held if
    /// every page of whales had been written.
    package var residentBytes: UInt = 0
    package var mappedBytes: UInt = 0
    package var allocatorNs: UInt = 0

    package init() {}

    /// A setting is felt from this part of the allocator's time, or of its memory, on.
    private static let feltPart: UInt = 100
    /// What a call costs about, in nanoseconds; a move, which copies from bytes to megabytes, in a
    /// program where they weigh.
    private static let refillNs: UInt = 100
    private static let largeMissNs: UInt = 300
    private static let whaleMissNs: UInt = 20_000
    private static let moveNs: UInt = 2_000
    private static let purgeNs: UInt = 2_000

    private func isFelt(_ count: UInt, ns: UInt) -> Bool {
        count > 0 && count &* ns >= allocatorNs / Demands.feltPart
    }

    private func isFelt(bytes: UInt) -> Bool {
        bytes > 0 && bytes >= residentBytes / Demands.feltPart
    }

    var feelsRefills: Bool { isFelt(refills, ns: Demands.refillNs) }
    var feelsLargeMisses: Bool { isFelt(largeMisses, ns: Demands.largeMissNs) }
    var feelsWhaleMisses: Bool { isFelt(whaleMisses, ns: Demands.whaleMissNs) }
    var feelsMoves: Bool { isFelt(moves, ns: Demands.moveNs) }
    var feelsPurges: Bool { isFelt(purges, ns: Demands.purgeNs) }
    var feelsKept: Bool { isFelt(bytes: largeBytesPeak + whaleBytesPeak + dirtyBytesPeak) }
    /// Whether most pages of what is mapped are never written: huge ones would be, all at once.
    var isSparse: Bool { mappedBytes / 2 > residentBytes }
    func feels(peak: UInt, above limit: UInt) -> Bool {
        peak > limit && isFelt(bytes: peak - limit)
    }

    /// Takes note of what is kept at one moment.
    mutating func note(large: UInt, whales: UInt, dirty: UInt) {
        largeBytesPeak = max(largeBytesPeak, large)
        whaleBytesPeak = max(whaleBytesPeak, whales)
        dirtyBytesPeak = max(dirtyBytesPeak, dirty)
    }

    mutating func takePeaks(of other: Demands) {
        note(
            large: other.largeBytesPeak, whales: other.whaleBytesPeak,
            dirty: other.dirtyBytesPeak)
    }

    /// Blocks that a refill brings on average.
    var refillMean: UInt { refills == 0 ? 0 : refilledBlocks / refills }
}
