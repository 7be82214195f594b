// SPDX-License-Identifier: MIT
//
// What all families share: blocks that carry a proof of their own, tables of blocks, and sizes.

import CWorkload

/// A block of at least 8 bytes whose first word names the block itself, so that the end of its
/// life can tell whether anybody else wrote there.
@inline(__always)
func makeBlock(_ bytes: Int) -> UnsafeMutableRawPointer {
    seal(malloc(bytes))
}

/// Writes the proof into a block that any function of the family gave.
@inline(__always)
func seal(_ block: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer {
    guard let block else { failWithoutMemory() }
    block.storeBytes(of: UInt(bitPattern: block), as: UInt.self)
    return block
}

/// Ends the process when the block's first word is not what `seal` wrote.
@inline(__always)
func checkSeal(_ block: UnsafeMutableRawPointer) {
    guard block.load(as: UInt.self) == UInt(bitPattern: block) else { failOverwritten() }
}

/// Frees a sealed block.
@inline(__always)
func dropBlock(_ block: UnsafeMutableRawPointer) {
    checkSeal(block)
    free(block)
}

/// The end where an allocator gives nothing.
func failWithoutMemory() -> Never {
    fail("the allocator gave no memory", status: ExitStatus.failure)
}

/// The end where an allocator gave the same memory twice, or wrote into a block that is out.
func failOverwritten() -> Never {
    fail("a block does not hold what was written to it", status: ExitStatus.failure)
}

/// Block addresses in mapped memory that is backed by pages before the clock starts, so that
/// neither the allocator nor its fault counts see the table.
struct Table {
    let count: Int
    let slots: UnsafeMutablePointer<UnsafeMutableRawPointer?>

    init(count: Int) {
        self.count = count
        slots = mappedMemory(count, of: UnsafeMutableRawPointer?.self)
    }

    /// The block in a slot that is known to have one.
    @inline(__always)
    func block(_ index: Int) -> UnsafeMutableRawPointer {
        slots[index].unsafelyUnwrapped
    }

    /// Frees every sealed block that is still there, in the order of the slots.
    func dropBlocks() {
        for index in 0..<count {
            if let block = slots[index] { dropBlock(block) }
            slots[index] = nil
        }
    }

    /// Gives the table's memory back, so that it is no part of what an idle process holds.
    func unmap() { munmap(slots, count * MemoryLayout<UnsafeMutableRawPointer?>.stride) }
}

/// Zeroed memory for the harness, backed by pages already.
func mappedMemory<Element>(_ count: Int, of type: Element.Type) -> UnsafeMutablePointer<Element> {
    let bytes = max(count, 1) * MemoryLayout<Element>.stride
    guard let memory = workload_map(bytes) else {
        fail("no memory for the harness; lower --live", status: ExitStatus.failure)
    }
    workload_touch_zero(memory, bytes)
    return memory.bindMemory(to: type, capacity: count)
}

/// A linear congruential generator: the same numbers on every machine from the same seed.
struct Random {
    private var state: UInt64

    init(seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 | 1 }

    /// 32 random bits.
    @inline(__always)
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 32
    }

    /// A number below `bound`, which fits into 32 bits.
    @inline(__always)
    mutating func next(below bound: Int) -> Int {
        Int(truncatingIfNeeded: (next() &* UInt64(truncatingIfNeeded: bound)) >> 32)
    }
}

/// How the sizes of a workload are distributed.
enum Sizes {
    /// 16 to 128 bytes, all alike often.
    case small
    /// 16 to 1,024 bytes, all alike often.
    case medium
    /// From 16 bytes, each doubling half as often as the one before, to 128 KiB.
    case tail

    @inline(__always)
    func next(_ random: inout Random) -> Int {
        switch self {
        case .small: return 16 &+ random.next(below: 113)
        case .medium: return 16 &+ random.next(below: 1009)
        case .tail:
            let bits = random.next()
            let doublings = (bits | 1 << 12).trailingZeroBitCount
            let least = 16 << doublings
            return least &+ Int(truncatingIfNeeded: bits >> 13) & (least &- 1)
        }
    }
}
