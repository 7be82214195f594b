// SPDX-License-Identifier: MIT
//
// A site's sizes in 32 bits: eight counters of four bits, one for two doublings each. When one is
// full all are halved, so they keep their proportion and follow a change.
//
//   counter 0   below 128 B      1   …512 B     2   …2 KiB      3   …8 KiB
//           4   …32 KiB          5   …128 KiB   6   …512 KiB    7   what BigCache is for

package struct SizeShares: Equatable {
    private var counters: UInt32 = 0

    static let count = 8
    private static let counterBits: UInt32 = 4
    private static let counterMax: UInt32 = 15
    private static let firstShift = 5
    /// Blocks from this size on are large enough for slots of their own, in bytes.
    package static let bigCacheBytesMin: UInt = 512 * 1024

    package init() {}

    static func index(_ bytes: UInt) -> Int {
        let log = UInt.bitWidth - 1 - max(bytes, 1).leadingZeroBitCount
        return min(max((log - firstShift) / 2, 0), count - 1)
    }

    package subscript(index: Int) -> Int {
        Int(counters >> (UInt32(index) * SizeShares.counterBits) & SizeShares.counterMax)
    }

    mutating func add(_ bytes: UInt) {
        let index = SizeShares.index(bytes)
        // Bit 0 of each counter would move into its neighbour.
        if self[index] == Int(SizeShares.counterMax) { counters = counters >> 1 & 0x7777_7777 }
        counters += 1 << (UInt32(index) * SizeShares.counterBits)
    }

    /// Whether at least half of the blocks are for BigCache.
    var isMostlyLarge: Bool {
        var sum = 0
        for index in 0..<SizeShares.count { sum += self[index] }
        return sum > 0 && 2 * self[SizeShares.count - 1] >= sum
    }
}
