// SPDX-License-Identifier: MIT
//
// A chunk: one mapping of the page heap, and the list of all of them. Chunks are never unmapped;
// their memory is returned by purging.

/// A mapping that starts and ends at granules, with its part of the block map writable.
struct Chunk {
    let start: UInt
    let bytes: UInt

    /// Maps `bytes`, a multiple of granules, or a part of them; nil when the kernel refuses.
    static func map(_ bytes: UInt, hint: UInt) -> Chunk? {
        guard bytes <= UInt(Int.max) - granuleBytes else { return nil }
        if hint != 0, let start = SystemCall.map(bytes: bytes, hint: hint) {
            if start & (granuleBytes - 1) == 0 { return committed(start, bytes) }
            SystemCall.unmap(start, bytes: bytes)
        }
        // Map a granule more and cut off what is misaligned at either end.
        guard let mapped = SystemCall.map(bytes: bytes + granuleBytes) else { return nil }
        let start = alignUp(mapped, to: granuleBytes)
        if start > mapped { SystemCall.unmap(mapped, bytes: start - mapped) }
        let mappedEnd = mapped + bytes + granuleBytes
        if mappedEnd > start + bytes {
            SystemCall.unmap(start + bytes, bytes: mappedEnd - start - bytes)
        }
        return committed(start, bytes)
    }

    /// Whether a mapping has no granule in it that shares NULL's entries of the maps.
    static func isClearOfNull(_ start: UInt, _ bytes: UInt) -> Bool {
        let place = BlockMap.place(start)
        return place != 0 && place + bytes <= BlockMap.coveredBytes
    }

    private static func committed(_ start: UInt, _ bytes: UInt) -> Chunk? {
        // NULL must fall on entries that are nobody's: free looks there before it asks for NULL.
        // The granule that shares them is left out, and what lies on its shorter side. So no slab
        // lies across it either, which the start check needs.
        let shared = alignUp(start, to: BlockMap.coveredBytes)
        if shared >= start, shared < start + bytes {
            let below = shared - start
            let above = bytes - below - granuleBytes
            let kept = below >= above ? start : shared + granuleBytes
            let keptEnd = kept + max(below, above)
            if kept > start { SystemCall.unmap(start, bytes: kept - start) }
            if keptEnd < start + bytes { SystemCall.unmap(keptEnd, bytes: start + bytes - keptEnd) }
            return keptEnd > kept ? committed(kept, keptEnd - kept) : nil
        }
        if BlockMap.commit(start, bytes: bytes) { return Chunk(start: start, bytes: bytes) }
        SystemCall.unmap(start, bytes: bytes)
        return nil
    }
}

/// Where a chunk lies, or several that adjoin.
struct ChunkRecord {
    var start: UInt
    var bytes: UInt
    fileprivate var nextAddress: UInt

    var next: ChunkRecord? {
        nextAddress == 0 ? nil : pointer(nextAddress, to: ChunkRecord.self).pointee
    }
}

/// All chunks, the newest first. Zeroed memory is an empty list.
struct ChunkList: ~Copyable {
    private var first: UInt

    var firstRecord: ChunkRecord? {
        first == 0 ? nil : pointer(first, to: ChunkRecord.self).pointee
    }

    /// Adds a chunk. Records that it adjoins or, where a part was unmapped, overlaps become one
    /// with it, so that no address has two; false when out of memory.
    mutating func add(_ chunk: Chunk) -> Bool {
        var start = chunk.start
        var end = chunk.start + chunk.bytes
        var vacant: UInt = 0
        var address = first
        while address != 0 {
            let record = pointer(address, to: ChunkRecord.self)
            let recordEnd = record.pointee.start + record.pointee.bytes
            if record.pointee.bytes == 0 {
                vacant = address
            } else if start <= recordEnd, record.pointee.start <= end {
                start = min(start, record.pointee.start)
                end = max(end, recordEnd)
                record.pointee.bytes = 0
                // What is wider now may touch a record that was passed.
                address = first
                continue
            }
            address = record.pointee.nextAddress
        }
        if vacant == 0 {
            let bytes = UInt(MemoryLayout<ChunkRecord>.stride)
            guard let fresh = metadata.allocate(bytes, alignment: 8) else { return false }
            pointer(fresh, to: ChunkRecord.self).pointee.nextAddress = first
            first = fresh
            vacant = fresh
        }
        pointer(vacant, to: ChunkRecord.self).pointee.start = start
        pointer(vacant, to: ChunkRecord.self).pointee.bytes = end - start
        return true
    }
}
