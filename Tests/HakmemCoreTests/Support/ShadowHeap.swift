// SPDX-License-Identifier: MIT
//
// A heap beside the heap: random operations over the exports, with what every live block must be.

import Glibc

@testable import HakmemCoreHosted

/// A live block: its whole usable size holds the pattern of its identity.
struct ShadowBlock: Sendable {
    let address: UInt
    let usable: UInt
    let asked: UInt
    let alignment: UInt
    let identity: UInt64

    var memory: UnsafeMutableRawPointer { UnsafeMutableRawPointer(bitPattern: address)! }
}

/// The blocks that one thread holds.
struct ShadowHeap {
    private var random: Randomness
    private(set) var live: [ShadowBlock] = []
    private var liveBytes: UInt = 0
    private let liveBytesMax: UInt

    static let sizeMax: UInt = largeMax + 3 << 20

    init(seed: UInt64, liveBytesMax: UInt = 64 << 20) {
        random = Randomness(seed: seed)
        self.liveBytesMax = liveBytesMax
    }

    mutating func step() throws {
        if liveBytes > liveBytesMax || live.count > 3000 {
            for _ in 0..<live.count / 2 { try release(random.below(live.count)) }
            return
        }
        switch random.below(100) {
        case 0..<45: try allocate()
        case 45..<60 where !live.isEmpty: try resize(random.below(live.count))
        case 60..<99 where !live.isEmpty: try release(random.below(live.count))
        case 99 where random.below(30) == 0: _ = hakTrim()
        default: try allocate()
        }
    }

    mutating func releaseAll() throws {
        while !live.isEmpty { try release(live.count - 1) }
    }

    /// Half of the blocks, which are another thread's from now on.
    mutating func handOver() -> [ShadowBlock] {
        let half = Array(live.suffix(live.count / 2))
        for block in half { liveBytes -= block.usable }
        live.removeLast(half.count)
        return half
    }

    mutating func take(_ blocks: [ShadowBlock]) {
        for block in blocks {
            live.append(block)
            liveBytes += block.usable
        }
    }

    private mutating func allocate() throws {
        let size = random.below(60) == 0 ? 0 : random.size(max: ShadowHeap.sizeMax)
        var alignment: UInt = 16
        var block: UnsafeMutableRawPointer?
        errno = 42
        switch random.below(10) {
        case 0, 1:
            block = hakCalloc(size, 1)
            if let block { try require(block.isZero(size), "calloc(\(size)) is not zero") }
        case 2:
            alignment = 16 << UInt(random.below(10))
            block = hakAlignedAlloc(alignment, size)
        case 3:
            alignment = 8 << UInt(random.below(11))
            try require(hakPosixMemalign(&block, alignment, size) == 0, "posix_memalign")
        case 4: block = hakRealloc(nil, size)
        case 5: block = hakReallocarray(nil, size, 1)
        case 6: block = hakNewNothrow(size, nil)
        case 7: block = hakNew(size)
        default: block = hakMalloc(size)
        }
        guard let block else { throw Violation(description: "out of memory for \(size)") }
        try require(errno == 42, "errno changed")
        try adopt(block, size, alignment)
    }

    private mutating func adopt(
        _ block: UnsafeMutableRawPointer, _ size: UInt, _ alignment: UInt
    ) throws {
        let usable = hakUsableSize(block)
        try require(usable >= size, "\(usable) usable bytes of \(size)")
        try require(block.address % max(alignment, 16) == 0, "misaligned")
        let identity = random.next()
        block.fill(usable, identity)
        live.append(
            ShadowBlock(
                address: block.address, usable: usable, asked: size, alignment: alignment,
                identity: identity))
        liveBytes += usable
    }

    private mutating func drop(_ index: Int) throws -> ShadowBlock {
        let block = live[index]
        live.swapAt(index, live.count - 1)
        live.removeLast()
        liveBytes -= block.usable
        // An overlap with any other block shows here, or there.
        let isWhole = block.memory.holds(block.usable, block.identity)
        try require(isWhole, "block of \(block.asked) changed")
        return block
    }

    private mutating func resize(_ index: Int) throws {
        let block = try drop(index)
        let size = random.size(max: ShadowHeap.sizeMax)
        guard let moved = hakRealloc(block.memory, size) else {
            throw Violation(description: "out of memory")
        }
        let kept = min(block.usable, size) & ~7
        let isKept = moved.holds(kept, block.identity)
        try require(isKept, "realloc \(block.asked) -> \(size) lost contents")
        try adopt(moved, size, 16)
    }

    private mutating func release(_ index: Int) throws {
        let block = try drop(index)
        errno = 42
        switch random.below(4) {
        case 0 where block.alignment == 16: hakFreeSized(block.memory, block.asked)
        case 1: hakFreeAlignedSized(block.memory, block.alignment, block.asked)
        default: hakFree(block.memory)
        }
        try require(errno == 42, "free changed errno")
    }
}
