// SPDX-License-Identifier: MIT
//
// Whether an address is the start of a block: blocks of slabs lie at multiples of their size, and a
// multiplication tells multiples. What is multiplied is the address's place in what the maps cover
// (OwnMap), which is below 2^44; no slab lies across the end of that (Chunk).
//
// With c = ⌊2^64 / s⌋ + 1, so that c·s = 2^64 + e for some 1 ≤ e ≤ s, and a place p = q·s + t:
//
//   t = 0:   p·c mod 2^64 = q·e, from 1 to p < 2^44; 0 for p = 0, where no slab is
//   t > 0:   p·c mod 2^64 ≥ c > 2^64 / s
//
// (The other end, t = s − 1, stays below 2^64 − c + e + 2^44, so nothing wraps.)
//
// So of the product with −c the upper 20 bits are all ones for a block's start, `start`, and for
// anything else at least ⌊2^20 / s⌋ less.
//
// Free adds them to its bin's top before it compares that with the bin's bound. Top and bound are
// at most 2^20 / s bytes apart (`SizeClass.stackSlotsMax`, ThreadCache+Bins), so a wrong address
// looks like a full bin: one branch tells both. Source of the method: Lemire, Kaser, Kurz, "Faster
// remainder by direct computation", 2019.

/// What a thread cache knows of a class for its start check, and the bottom of its stack, which
/// shares the cache line.
struct StartCheck {
    /// −c.
    private let reciprocal: UInt
    /// The slot at the bottom of the class's stack (ThreadCache+Bins).
    var bottom: UInt

    static let placeBits: UInt = 44
    /// The upper bits for a block's start.
    static let start = UInt.max >> placeBits

    init(_ sizeClass: SizeClass, bottom: UInt) {
        let blockBytes = sizeClass.blockBytes
        let isPowerOfTwo = blockBytes & (blockBytes - 1) == 0
        reciprocal = ~(UInt.max / blockBytes &+ (isPowerOfTwo ? 1 : 0))
        self.bottom = bottom
    }

    @inline(__always)
    private func upperBits(_ place: UInt) -> UInt {
        (place &* reciprocal) &>> StartCheck.placeBits
    }

    @inline(__always)
    func isStart(_ place: UInt) -> Bool { upperBits(place) == StartCheck.start }

    /// A bin's top and `start`, if a block starts at the place; less if not.
    @inline(__always)
    func checkedTop(_ top: UInt, _ place: UInt) -> UInt { top &+ upperBits(place) }

    static func assertLayout() {
        for index in 1..<SizeClass.end {
            let sizeClass = SizeClass(index: index)
            let leastShort = 1 << (UInt(UInt.bitWidth) - placeBits) / sizeClass.blockBytes
            layoutAssert(UInt(sizeClass.stackSlotsMax) * 8 <= leastShort)
        }
    }
}
