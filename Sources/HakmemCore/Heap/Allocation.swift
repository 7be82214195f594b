// SPDX-License-Identifier: MIT
//
// Requests to blocks: routing by size alone, alignment, zeroing, and what a failure means.
//
// Everything here is given the cache to work on; it may be one that the thread has borrowed for
// this call (ThreadExit).

import CHakmemShim
import Synchronization

/// A block, and whether all its bytes are zero.
struct FreshBlock {
    let address: UInt
    let isZero: Bool
}

extension ThreadCache {
    /// A block of at least `bytes`; nil when out of memory or beyond requestMax.
    func allocate(_ bytes: UInt) -> FreshBlock? {
        if let block = tryAllocate(bytes) { return block }
        return releaseForRetry(bytes) ? tryAllocate(bytes) : nil
    }

    /// When the kernel has refused: gives back all that is kept, memory and address space. False
    /// for sizes that no process can have, where it would be in vain.
    @inline(never)
    private func releaseForRetry(_ bytes: UInt) -> Bool {
        guard bytes <= ThreadCache.plausibleMax else { return false }
        releaseMemory()
        cachePool.coolDown(Clock.nowMs(), all: true)
        whaleCache.releaseAll()
        _ = pageHeap.purge(now: Clock.nowMs(), all: true)
        pageHeap.unmapClean()
        return true
    }

    /// What fits the user's half of today's address spaces.
    private static let plausibleMax: UInt = 1 << 47

    @inline(__always)
    private func tryAllocate(_ bytes: UInt) -> FreshBlock? {
        if bytes <= mediumMax { return freshReady(SizeClass(bytes: max(bytes, 1))) }
        return allocateWhole(bytes, alignment: unitBytes)
    }

    private func freshReady(_ sizeClass: SizeClass) -> FreshBlock? {
        let block = allocateReady(sizeClass)
        return block == 0 ? nil : FreshBlock(address: block, isZero: false)
    }

    /// A block of a class, with what is left of its mark; 0 when out of memory.
    @inline(__always)
    func allocateReady(_ sizeClass: SizeClass) -> UInt {
        if !hasStack(sizeClass) || header.pointee.callsUntilTick == 0 { return refill(sizeClass) }
        let ready = takeReady(sizeClass)
        if ready == 0 { return refill(sizeClass) }
        header.pointee.callsUntilTick -= 1
        if isSettling { noteSettlingCall() }
        return ready
    }

    /// A block with a span or a mapping for itself.
    private func allocateWhole(_ bytes: UInt, alignment: UInt) -> FreshBlock? {
        guard bytes <= requestMax, alignment <= requestMax - bytes else { return nil }
        if bytes <= largeMax, alignment <= largeMax {
            return LargeBlock.allocate(bytes, alignment: alignment, cache: self)
        }
        tick()
        return Sections.measure(.whaleGet) {
            whaleCache.allocate(bytes, alignment: alignment, site: takeSite())
        }
    }

    /// A block of at least `bytes` at a multiple of `alignment`, a power of two.
    func allocateAligned(_ bytes: UInt, alignment: UInt) -> FreshBlock? {
        if let block = tryAllocateAligned(bytes, alignment) { return block }
        let wanted = bytes <= requestMax ? bytes &+ alignment : UInt.max
        return releaseForRetry(wanted) ? tryAllocateAligned(bytes, alignment) : nil
    }

    private func tryAllocateAligned(_ bytes: UInt, _ alignment: UInt) -> FreshBlock? {
        if alignment <= unitBytes { return allocate(bytes) }
        guard bytes <= requestMax, alignment <= granuleBytes else {
            return allocateWhole(max(bytes, 1), alignment: alignment)
        }
        // Slabs start at granules: a class whose size is a multiple of the alignment is aligned.
        var wanted = alignUp(max(bytes, 1), to: alignment)
        while wanted <= mediumMax {
            let sizeClass = SizeClass(bytes: wanted)
            if sizeClass.blockBytes & (alignment - 1) == 0 {
                return freshReady(sizeClass)
            }
            wanted = sizeClass.blockBytes + 1
        }
        return allocateWhole(max(bytes, mediumMax + 1), alignment: alignment)
    }

    /// A block of `bytes` zeros.
    func allocateZeroed(_ bytes: UInt) -> UInt {
        ThreadCache.count(header.pointee.callocs)
        guard let block = allocate(bytes) else { return 0 }
        if !block.isZero { clear(block.address, bytes) }
        return block.address
    }

    /// Zeroes a block. Beyond a threshold the kernel's fresh pages beat writing over old ones.
    private func clear(_ address: UInt, _ bytes: UInt) {
        if bytes <= ThreadCache.clearByPurgeMin || !ThreadCache.clearByPurge(address, bytes) {
            hak_zero(address, Int(bytes))
        }
    }

    private static let clearByPurgeMin: UInt = 4 << 20

    private static func clearByPurge(_ address: UInt, _ bytes: UInt) -> Bool {
        let pageBytes = process.pageBytes
        let start = alignUp(address, to: pageBytes)
        let end = alignUp(address + bytes, to: pageBytes)
        guard SystemCall.purge(start, bytes: end - start) else { return false }
        if start != address { hak_zero(address, Int(start - address)) }
        return true
    }

    // MARK: Free

    /// Frees whatever lies at `address`; reports a misuse.
    func free(_ address: UInt) {
        let owner = BlockMap.owner(address)
        if owner == 0 {
            Misuse.reportUnowned(address)
            return
        }
        if owner & Owner.wholeMark != 0 {
            let span = Span(at: owner & Owner.spanMask)
            if ownsExactly(span, address) { LargeBlock.free(address, span, cache: self) }
            return
        }
        guard let span = BlockMap.span(address), ownsExactly(span, address) else { return }
        if Owner.cache(owner) != self {
            freeRemote(address, span, owner)
        } else {
            freeLocal(address, span)
        }
    }

    /// The map repeats: an address far from the heap may fall on an entry of it.
    private func ownsExactly(_ span: Span, _ address: UInt) -> Bool {
        if span.contains(address) || span.state == .whale && span.block == address { return true }
        Report.misuse(.foreign, at: address)
        return false
    }

    /// Sends another thread's block to its owner; false if anything about it has to be looked at.
    ///
    /// Reads neither the span's header nor its live words, which the owner writes: whether it
    /// is out, the owner finds when the message comes.
    @inline(__always)
    func sendRemote(_ address: UInt, _ owner: UInt) -> Bool {
        guard heapExtent.pointee.covers(address), address & (unitBytes &- 1) == 0,
            !ReadyMark.isOn(address)
        else { return false }
        ThreadCache.count(header.pointee.remoteFrees)
        ReadyMark.set(address)
        // Without memory for a message the block is lost, which is harmless.
        _ = header.pointee.outgoing.add(address, owner: owner)
        return true
    }

    private func freeRemote(_ address: UInt, _ span: Span, _ owner: UInt) {
        guard ThreadCache.isOut(address) else {
            Misuse.reportFree(of: address, in: span)
            return
        }
        ThreadCache.count(header.pointee.remoteFrees)
        // The mark is on every block that is free: its owner's hit path sees a second free of it.
        // If all of it is there already, the block was freed, and may still be on its way to its
        // owner. If a part, the block may be in its owner's bin. That bin may change while we look,
        // but not as to this block: who frees it last has seen what was done with it before.
        var sent = address
        if ReadyMark.isOn(address) {
            let isFreed = pointer(address, to: UInt64.self).pointee == ReadyMark.used
            if isFreed || Owner.cache(owner).isReady(address, span.sizeClass) {
                Misuse.reportFree(of: address, in: span)
                return
            }
            sent |= SentBlock.markedBit
        }
        ReadyMark.set(address)
        if !header.pointee.outgoing.add(sent, owner: owner) {
            // No memory for a message. Leaking the block is all that is left, and is harmless.
            return
        }
    }

    // MARK: Usable size

    /// Bytes usable in the block at `address`; 0 if there is none.
    static func usableBytes(_ address: UInt) -> UInt {
        guard let span = liveSpan(address) else { return 0 }
        return span.knownBytes
    }

    /// The span of a block that is out; nil if the address is no such block's.
    static func liveSpan(_ address: UInt) -> Span? {
        let owner = BlockMap.owner(address)
        guard owner != 0, isOut(address) else { return nil }
        let whole = owner & Owner.wholeMark != 0
        guard let span = whole ? Span(at: owner & Owner.spanMask) : BlockMap.span(address),
            span.contains(address), !whole || span.block == address
        else { return nil }
        return span
    }
}
