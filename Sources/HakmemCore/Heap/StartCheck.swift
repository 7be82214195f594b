// SPDX-License-Identifier: MIT
//
// Whether an address is the start of a block: blocks of small classes lie at multiples of their
// size, and a multiplication tells multiples.
//
// With c = ⌊2^64 / s⌋ + 1, so that c·s = 2^64 + e for some 1 ≤ e ≤ s, and an address p = q·s + t:
//
//   t = 0:   p·c mod 2^64 = q·e, from 1 to p < 2^47
//   t > 0:   p·c mod 2^64 ≥ c > 2^64 / s
//
// (User addresses are below 2^47 on every Linux that has not been asked for more. The other end,
// t = s − 1, stays below 2^64 − c + e + 2^47, so nothing wraps.)
//
// So of the product with −c the upper 17 bits are all ones for a block's start, `start`, and for
// anything else at least ⌊2^17 / s⌋ less.
//
// Free adds them to its bin's top before it compares that with the bin's bound. Top and bound are
// at most 2^17 / s bytes apart (`SizeClass.stackSlotsMax`, ThreadCache+Bins), so a wrong address
// looks like a full bin: one branch tells both. Source of the method: Lemire, Kaser, Kurz, "Faster
// remainder by direct computation", 2019.

/// What a thread cache knows of a class for its start check, and the bottom of its stack, which
/// shares the cache line.
struct StartCheck {
    /// −c; 0 for medium classes: no address is the start of one, and free takes the slow path.
    private let reciprocal: UInt
    /// The slot at the bottom of the class's stack (ThreadCache+Bins).
    var bottom: UInt

    private static let shift: UInt = 47
    /// The upper bits for a block's start.
    static let start = UInt.max >> shift

    init(_ sizeClass: SizeClass, bottom: UInt) {
        let blockBytes = sizeClass.blockBytes
        let isPowerOfTwo = blockBytes & (blockBytes - 1) == 0
        let least = ~(UInt.max / blockBytes &+ (isPowerOfTwo ? 1 : 0))
        reciprocal = sizeClass.isSmall ? least : 0
        self.bottom = bottom
    }

    @inline(__always)
    private func upperBits(_ address: UInt) -> UInt { (address &* reciprocal) &>> StartCheck.shift }

    @inline(__always)
    func isStart(_ address: UInt) -> Bool { upperBits(address) == StartCheck.start }

    /// A bin's top and `start`, if a block starts at the address; less if not.
    @inline(__always)
    func checkedTop(_ top: UInt, _ address: UInt) -> UInt { top &+ upperBits(address) }

    static func assertLayout() {
        for index in 1...SizeClass.smallCount {
            let sizeClass = SizeClass(index: index)
            let leastShort = 1 << (UInt(UInt.bitWidth) - shift) / sizeClass.blockBytes
            layoutAssert(UInt(sizeClass.stackSlotsMax) * 8 <= leastShort)
        }
        for index in SizeClass.smallCount + 1..<SizeClass.end {
            layoutAssert(UInt(SizeClass(index: index).stackSlotsMax) * 8 <= start)
        }
    }
}
