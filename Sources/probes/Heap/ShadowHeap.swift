// SPDX-License-Identifier: MIT
//
// A heap beside the heap: what every live block must be, checked at each operation.
//
// - Each block is filled over its whole usable size with a pattern of its own, which is verified
//   when the block is resized or freed.
// - `starts` keeps the live blocks in address order: a new block that overlaps another is caught
//   when it is handed out, not when it does harm.

import Glibc

/// A live block and what is known of it.
struct LiveBlock {
    let block: Block
    /// Bytes that hold the pattern: the usable size.
    let filled: UInt
    /// Bytes that were asked for.
    let size: UInt
    let origin: Origin
    /// The alignment asked for, which counts where `origin` is `aligned`.
    let alignment: UInt
    let identity: UInt64
}

/// The shadow of the blocks that one caller holds.
struct ShadowHeap {
    static let sizeMax: UInt = 16 << 20

    private var random: Randomness
    private var live: [LiveBlock] = []
    /// Address and end of each live block, by address.
    private var starts: [(start: UInt, end: UInt)] = []
    private var liveBytes: UInt = 0
    private let liveBytesMax: UInt
    private let liveCountMax = 4096
    private(set) var operations = 0

    init(seed: UInt64, liveBytesMax: UInt) {
        random = Randomness(seed: seed)
        self.liveBytesMax = liveBytesMax
    }

    /// One random operation.
    mutating func step() {
        operations += 1
        if live.count >= liveCountMax || liveBytes >= liveBytesMax {
            // A burst of frees, so that runs of memory come together.
            for _ in 0...random.below(live.count) { release(at: random.below(live.count)) }
            return
        }
        switch random.below(100) {
        case 0..<48: allocate()
        case 48..<62 where !live.isEmpty: resize(at: random.below(live.count))
        case 62..<99 where !live.isEmpty: release(at: random.below(live.count))
        case 99 where random.below(50) == 0: trim()
        default: allocate()
        }
    }

    /// Frees and verifies every block.
    mutating func releaseAll() {
        while !live.isEmpty { release(at: live.count - 1) }
    }

    // MARK: Operations

    private mutating func allocate() {
        let size = random.size(max: Self.sizeMax)
        let alignment: UInt = random.below(10) == 0 ? 8 << UInt(random.below(14)) : 0
        let request = AllocationForm.pick(&random, alignment: alignment)
        errno = errnoMark
        guard let block = request.call(alignment, size) else {
            fail("\(request.name)(\(alignment), \(size)) gave NULL at operation \(operations)")
        }
        if errno != errnoMark { fail("\(request.name)(\(size)) changed errno to \(errno)") }
        if request.isZeroed, !Pattern.isZero(block, size) {
            fail("\(request.name)(\(size)) at \(block) is not zero, operation \(operations)")
        }
        adopt(
            block, size, request.origin, alignment: request.ownAlignment ?? alignment,
            request.name)
    }

    private mutating func resize(at index: Int) {
        let old = live[index]
        verify(old)
        let size = random.below(4) == 0 ? old.size : random.size(max: Self.sizeMax)
        forget(at: index)
        let form = ResizeForm.pick(&random)
        guard let moved = form.call(old.block, size) else {
            fail("\(form.name) to \(size) gave NULL at operation \(operations)")
        }
        if !Pattern.holds(moved, min(old.size, size), old.identity) {
            fail("\(form.name) from \(old.size) to \(size) lost contents, operation \(operations)")
        }
        adopt(moved, size, .plain, alignment: 0, form.name)
    }

    private mutating func release(at index: Int) {
        let entry = live[index]
        verify(entry)
        forget(at: index)
        let form = ReleaseForm.pick(&random, entry.origin)
        errno = errnoMark
        form.call(entry.block, entry.alignment, entry.size)
        if errno != errnoMark { fail("\(form.name) changed errno to \(errno)") }
    }

    private func trim() { _ = heap.mallocTrim?(0) }

    // MARK: The shadow

    private mutating func adopt(
        _ block: Block, _ size: UInt, _ origin: Origin, alignment: UInt, _ name: String
    ) {
        let usable = heap.usableSize(block)
        let alignmentMin = max(alignment, size < 16 ? 8 : 16)
        if usable < size { fail("\(name)(\(size)) has only \(usable) usable bytes") }
        if !block.isAligned(to: alignmentMin) { fail("\(name)(\(size)) at \(block) is misaligned") }
        let start = block.address
        let index = firstIndex(notBelow: start)
        if index < starts.count, starts[index].start < start + usable {
            fail("\(name)(\(size)) at \(block) runs into a live block, operation \(operations)")
        }
        if index > 0, starts[index - 1].end > start {
            fail("\(name)(\(size)) at \(block) lies in a live block, operation \(operations)")
        }
        starts.insert((start, start + usable), at: index)
        let identity = random.next()
        Pattern.fill(block, usable, identity)
        live.append(
            LiveBlock(
                block: block, filled: usable, size: size, origin: origin, alignment: alignment,
                identity: identity))
        liveBytes += usable
    }

    private mutating func forget(at index: Int) {
        let entry = live[index]
        live.swapAt(index, live.count - 1)
        live.removeLast()
        starts.remove(at: firstIndex(notBelow: entry.block.address))
        liveBytes -= entry.filled
    }

    private func verify(_ entry: LiveBlock) {
        if !Pattern.holds(entry.block, entry.filled, entry.identity) {
            fail("the block of \(entry.size) bytes at \(entry.block) changed, op \(operations)")
        }
    }

    /// The first place in `starts` whose block does not begin below `address`.
    private func firstIndex(notBelow address: UInt) -> Int {
        var low = 0
        var high = starts.count
        while low < high {
            let middle = (low + high) / 2
            if starts[middle].start < address { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
