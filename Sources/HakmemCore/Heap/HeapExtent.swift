// SPDX-License-Identifier: MIT
//
// Between which addresses all chunks of the page heap lie.

import Synchronization

/// Zeroed memory is an empty extent. Written under the page heap's lock, read by any: both words
/// only ever move apart, so whatever pair a reader gets, all between them is within the heap's.
struct HeapExtent: ~Copyable {
    private let low = Atomic<UInt>(0)
    private let end = Atomic<UInt>(0)

    var lowest: UInt { low.load(ordering: .relaxed) }

    /// Whether an address lies there, and no other address there shares its entries of the map.
    @inline(__always)
    func covers(_ address: UInt) -> Bool {
        let low = low.load(ordering: .relaxed)
        let end = end.load(ordering: .relaxed)
        return address >= low && address < end && end &- low <= BlockMap.coveredBytes
    }

    /// Whether an address lies there, which may share its entries of the map with others.
    @inline(__always)
    func contains(_ address: UInt) -> Bool {
        address >= low.load(ordering: .relaxed) && address < end.load(ordering: .relaxed)
    }

    /// Whether it is some, and so little that an own map's part for all of it is small.
    var isCompact: Bool {
        let last = end.load(ordering: .relaxed) &- 1
        let covered = BlockMap.coveredBytes - 1
        return lowest != 0 && last &- lowest < HeapExtent.compactMax
            && lowest & covered <= last & covered
    }

    private static let compactMax: UInt = 4 << 30

    /// The extent's bytes with another chunk in it.
    func bytes(with chunk: Chunk) -> UInt {
        let low = lowest == 0 ? chunk.start : min(lowest, chunk.start)
        return max(end.load(ordering: .relaxed), chunk.start + chunk.bytes) - low
    }

    func widen(by chunk: Chunk) {
        if lowest == 0 || chunk.start < lowest { low.store(chunk.start, ordering: .relaxed) }
        let chunkEnd = chunk.start + chunk.bytes
        if chunkEnd > end.load(ordering: .relaxed) { end.store(chunkEnd, ordering: .relaxed) }
    }
}
