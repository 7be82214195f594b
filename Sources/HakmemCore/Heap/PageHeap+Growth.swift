// SPDX-License-Identifier: MIT
//
// More memory for the page heap: chunks, mapped outside its lock.

extension PageHeap {
    private static let growthBytesMin: UInt = 1 << 20
    private static let growthBytesMax: UInt = 32 << 20

    var growthBytes: UInt {
        min(max(fields.pointee.mappedBytes / 8, PageHeap.growthBytesMin), PageHeap.growthBytesMax)
    }

    /// Maps a new chunk of at least `granules`, less what is free where it will adjoin if
    /// `isJoined`; false when the kernel refuses.
    func grow(_ granules: UInt, preferred: UInt, isJoined: Bool) -> Bool {
        fields.pointee.lock.acquire()
        let lowest = heapExtent.pointee.lowest
        let adjoining = isJoined ? joinableGranules(from: lowest) : 0
        fields.pointee.lock.release()
        let least = (granules - min(adjoining, granules - 1)) << granuleShift
        var wanted = alignUp(max(least, preferred), to: granuleBytes)
        // Next to what is there, so that spans join, and from a place on that suits lots.
        var hint: UInt = 0
        if lowest > wanted {
            hint = (lowest - wanted) & ~(PageHeap.placement(wanted) - 1)
            wanted = lowest - hint
        }
        guard let chunk = Chunk.map(wanted, hint: hint) ?? Chunk.map(least, hint: 0) else {
            return false
        }
        advise(chunk, wanted: least)
        fields.pointee.lock.acquire()
        let isDistinct = isDistinct(chunk)
        guard isDistinct, reserveHeaders(), fields.pointee.chunks.add(chunk) else {
            fields.pointee.lock.release()
            SystemCall.unmap(chunk.start, bytes: chunk.bytes)
            return false
        }
        heapExtent.pointee.widen(by: chunk)
        let span = takeHeader()
        span.header.pointee.start = chunk.start
        span.header.pointee.granules = UInt32(chunk.bytes >> granuleShift)
        span.header.pointee.isDirty = false
        fields.pointee.mappedBytes += chunk.bytes
        // The entries of neighbours may lie in the same pages.
        span.publishEdges()
        insertJoined(span, stamp: 0)
        fields.pointee.lock.release()
        return true
    }

    /// Says whether a new chunk, of which so many bytes are wanted now, is to have huge pages.
    private func advise(_ chunk: Chunk, wanted: UInt) {
        if policy.pointee.usesHugePages {
            if wanted >= HugePages.bytes {
                SystemCall.preferHugePages(chunk.start, bytes: chunk.bytes)
            }
        } else if fields.pointee.hugePages.advisesChunks {
            SystemCall.preferSmallPages(chunk.start, bytes: chunk.bytes)
        }
    }

    /// Granules at an address that a new chunk before it makes one with.
    private func joinableGranules(from address: UInt) -> UInt {
        if let lot = Span(atOrNil: fields.pointee.lot), lot.start == address {
            return UInt(lot.header.pointee.granules)
        }
        return freeGranules(from: address)
    }

    /// Takes over a mapping that was a whale's and is nobody's now; false if it cannot, and nothing
    /// has changed then.
    func adopt(_ span: Span, _ bytes: UInt) -> Bool {
        let chunk = Chunk(start: span.start, bytes: bytes)
        guard Chunk.isClearOfNull(chunk.start, bytes),
            BlockMap.commit(chunk.start, bytes: bytes)
        else { return false }
        BlockMap.setOwner(chunk.start, 0)
        fields.pointee.lock.acquire()
        BlockMap.clearSpan(chunk.start)
        guard isDistinct(chunk), fields.pointee.chunks.add(chunk) else {
            BlockMap.setSpan(chunk.start, span)
            fields.pointee.lock.release()
            return false
        }
        heapExtent.pointee.widen(by: chunk)
        fields.pointee.mappedBytes += bytes
        span.header.pointee.granules = UInt32(bytes >> granuleShift)
        span.setState(.unused)
        span.publishEdges()
        fields.pointee.lock.release()
        advise(chunk, wanted: 0)
        release(span)
        return true
    }

    /// Whether no entry of the block map would stand for both this chunk and another part of the
    /// heap. Nearly always answered by the spread of the heap alone.
    private func isDistinct(_ chunk: Chunk) -> Bool {
        if heapExtent.pointee.bytes(with: chunk) <= BlockMap.coveredBytes { return true }
        var address = chunk.start
        while address < chunk.start + chunk.bytes {
            if let span = BlockMap.span(address), span.state != .unmapped { return false }
            address += granuleBytes
        }
        return true
    }
}
