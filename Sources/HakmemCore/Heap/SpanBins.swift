// SPDX-License-Identifier: MIT
//
// Free spans by size, for the page heap: bins of exact sizes, and one for all larger ones.
//
// Zeroed memory is an empty set; nothing here is ever initialised otherwise.
// Guarded by: the page heap's lock.

struct SpanBins: ~Copyable {
    /// Exact sizes 1 ... 127 granules, and one bin for all above.
    static let binCount = 129
    private static let largestBin = 128
    /// How many spans of the last bin are looked at for the best fit.
    private static let searchMax = 256

    private var bins: InlineArray<129, SpanList>
    private var usedLow: UInt64
    private var usedHigh: UInt64

    private static func bin(_ granules: UInt) -> Int { Int(min(granules, UInt(largestBin))) }

    mutating func insert(_ span: Span) {
        let bin = SpanBins.bin(UInt(span.header.pointee.granules))
        bins[bin].pushFirst(span)
        mark(bin, used: true)
    }

    mutating func remove(_ span: Span) {
        let bin = SpanBins.bin(UInt(span.header.pointee.granules))
        bins[bin].remove(span)
        if bins[bin].isEmpty { mark(bin, used: false) }
    }

    private mutating func mark(_ bin: Int, used: Bool) {
        // Bin 128 shares the bit of the never used bin 0.
        let bit: UInt64 = 1 << UInt64(bin & 63)
        switch (bin < 64 || bin == SpanBins.largestBin, used) {
        case (true, true): usedLow |= bit
        case (true, false): usedLow &= ~bit
        case (false, true): usedHigh |= bit
        case (false, false): usedHigh &= ~bit
        }
    }

    /// The smallest span of at least `granules`, still in its bin.
    ///
    /// Mutates nothing; a method that only borrows would copy the bins before it looks into one.
    mutating func find(_ granules: UInt) -> Span? {
        let from = SpanBins.bin(granules)
        if from < SpanBins.largestBin {
            if from < 64 {
                let low = usedLow & ~1 & (~0 << UInt64(from))
                if low != 0 { return bins[low.trailingZeroBitCount].firstSpan }
            }
            let high = from < 64 ? usedHigh : usedHigh & (~0 << UInt64(from - 64))
            if high != 0 { return bins[high.trailingZeroBitCount + 64].firstSpan }
        }
        return findInLargest(granules)
    }

    /// The largest span, still in its bin, or one of the largest; nil if there is none.
    mutating func findLargest() -> Span? {
        let last = bins[SpanBins.largestBin].firstSpan
        guard var largest = last else {
            // The last bin's bit is bit 0.
            if usedHigh != 0 {
                return bins[127 - usedHigh.leadingZeroBitCount].firstSpan
            }
            return usedLow == 0 ? nil : bins[63 - usedLow.leadingZeroBitCount].firstSpan
        }
        var next = Span(atOrNil: largest.header.pointee.next)
        var looked = 1
        while let span = next, looked < SpanBins.searchMax {
            if span.header.pointee.granules > largest.header.pointee.granules { largest = span }
            next = Span(atOrNil: span.header.pointee.next)
            looked += 1
        }
        return largest
    }

    private mutating func findInLargest(_ granules: UInt) -> Span? {
        var best: Span?
        var next = bins[SpanBins.largestBin].firstSpan
        var looked = 0
        while let span = next, looked < SpanBins.searchMax {
            let size = UInt(span.header.pointee.granules)
            if size >= granules {
                if size == granules { return span }
                if best.map({ size < UInt($0.header.pointee.granules) }) ?? true { best = span }
            }
            next = Span(atOrNil: span.header.pointee.next)
            looked += 1
        }
        return best
    }
}
