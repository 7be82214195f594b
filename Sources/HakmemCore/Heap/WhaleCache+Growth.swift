// SPDX-License-Identifier: MIT
//
// Growing and shrinking blocks in mappings of their own. What must move is moved by the kernel: it
// hangs the pages into another mapping, and nothing is copied. Blocks of the page heap that grow
// come here too (Reallocation), and keep their place in their first page.
//
// Whales made here start and end at granules, so that the page heap can have them when they are
// freed.

import CHakmemShim
import Synchronization

extension WhaleCache {
    /// Whales beyond which blocks of the page heap that grow stay there: a process may have some
    /// 65,000 mappings.
    private static let movedLiveMax: UInt = 1024
    /// From how many bytes on a block that has grown has huge pages.
    private static let denseMin: UInt = 16 << 20

    /// Grows or shrinks a whale where it lies; false if it cannot.
    func resizeInPlace(_ span: Span, to bytes: UInt) -> Bool {
        if bytes <= span.header.pointee.bytesOrOlder { return true }
        let wanted = alignUp(bytes + UInt(span.header.pointee.blockOffset), to: growthUnit)
        guard SystemCall.resizeInPlace(span.start, bytes: span.mappedBytes, to: wanted) else {
            return false
        }
        setMapped(span, wanted)
        return true
    }

    /// Cuts a whale down to `bytes`.
    func shrink(_ span: Span, to bytes: UInt) {
        let wanted = alignUp(bytes + UInt(span.header.pointee.blockOffset), to: growthUnit)
        let mapped = span.mappedBytes
        guard wanted < mapped, SystemCall.unmap(span.start + wanted, bytes: mapped - wanted) else {
            return
        }
        setMapped(span, wanted)
    }

    private var growthUnit: UInt { max(process.pageBytes, granuleBytes) }

    private func setMapped(_ span: Span, _ bytes: UInt) {
        fields.pointee.mappedBytes.wrappingAdd(bytes &- span.mappedBytes, ordering: .relaxed)
        span.mappedBytes = bytes
        span.header.pointee.bytesOrOlder = bytes - UInt(span.header.pointee.blockOffset)
    }

    /// Moves the pages of a whale or large block into a larger mapping, and frees the old one; 0 if
    /// that cannot be. `roomPercent` is how much larger than asked for.
    func grow(_ span: Span, to bytes: UInt, roomPercent: UInt) -> UInt {
        let isWhale = span.state == .whale
        if !isWhale, fields.pointee.liveCount.load(ordering: .relaxed) >= WhaleCache.movedLiveMax {
            return 0
        }
        let offset = span.header.pointee.blockOffset
        let least = bytes + UInt(offset)
        guard least <= requestMax - granuleBytes else { return 0 }
        let room = least > requestMax / 4 ? least : least + least / 100 * roomPercent
        // A program writes what it grows: a huge page more than it needs is little then.
        let isDense = least >= WhaleCache.denseMin
        guard
            let target = map(alignUp(room, to: growthUnit), granuleBytes, isDense: isDense)
                ?? map(alignUp(least, to: growthUnit), granuleBytes, isDense: isDense)
        else { return 0 }
        target.header.pointee.blockOffset = offset
        publish(target, span.site, bytes)
        let start = span.start
        let block = span.block
        let bytesBefore = isWhale ? span.mappedBytes : span.bytes
        BlockMap.live(block).pointee.store(0, ordering: .relaxed)
        BlockMap.setOwner(start, 0)
        if isWhale { BlockMap.clearSpan(start) }
        // The kernel moves page tables; the rest of the target keeps its own, fresh pages. So a
        // whale that has moved is two mappings, which kernels before 6.17 do not move: there it is
        // copied.
        let moved = SystemCall.move(
            start, bytes: bytesBefore, onto: target.start, keepsMapping: !isWhale)
        if moved == .done {
            pageHeap.noteFresh(target.mappedBytes - bytesBefore)
            if isWhale {
                fields.pointee.mappedBytes.wrappingSubtract(bytesBefore, ordering: .relaxed)
                fields.pointee.liveCount.wrappingSubtract(1, ordering: .relaxed)
                pageHeap.discardHeader(span)
            } else {
                growthRecords.noteGone(span)
                pageHeap.release(span, isDirty: false)
            }
            return target.block
        }
        if isWhale { BlockMap.setSpan(start, span) }
        BlockMap.setOwner(start, span.address | Owner.wholeMark)
        BlockMap.live(block).pointee.store(BlockMap.bit(block), ordering: .relaxed)
        BlockMap.live(target.block).pointee.store(0, ordering: .relaxed)
        fields.pointee.liveCount.wrappingSubtract(1, ordering: .relaxed)
        WhaleCache.unmap(target, keepingFirst: moved == .targetLost ? bytesBefore : 0)
        return 0
    }
}
