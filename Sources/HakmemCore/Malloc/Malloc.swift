// SPDX-License-Identifier: MIT
//
// malloc and free: the hit paths, and the first step of their misses.
//
//   malloc(n)  n <= smallMax: pop the bin at `cache + round16(n)`
//              └► hak_malloc_slow: the thread's kept large blocks
//                 └► hak_malloc_miss: ThreadCache.allocate → refill | medium | large | whale
//   free(p)    line(p).owner == cache: clear the live bit          the slab is plain
//              ├► hak_free_slow: push on the bin                   the slab feeds its bin
//              │  └► hak_free_miss: NULL, another owner, no room, a whole span, misuse
//              └► hak_free_last: the line's last block: maybe the slab is empty
//
// The slow steps are exports themselves so that the hit path jumps to them and has no frame
// (docs/adr/0002-embedded-swift-flags.md).
//
// Blocks on a bin's stack are ready: live in the map, and with the mark in their first word, which
// malloc takes off. The mark is what tells malloc the sentinel under the last of them from a block.

import CHakmemShim
import Synchronization

@c(hak_malloc) public func hakMalloc(_ size: UInt) -> UnsafeMutableRawPointer? {
    if size > smallMax { return hakMallocSlow(size) }
    let bin = hak_cache_get() &+ ((size &+ (unitBytes &- 1)) & ~(unitBytes &- 1))
    let block = pointer(pointer(bin, to: Bin.self).pointee.top, to: UInt.self).pointee
    if !hak_mark_clear(block) { return hakMallocSlow(size) }
    hak_bin_pop(bin)
    return UnsafeMutableRawPointer(bitPattern: block)
}

@c(hak_free) public func hakFree(_ block: UnsafeMutableRawPointer?) {
    let address = UInt(bitPattern: block)
    let line = BlockMap.line(address)
    if line.pointee.owner.load(ordering: .relaxed) != hak_cache_get() { return hakFreeSlow(block) }
    var live = line.pointee.live.load(ordering: .relaxed)
    if !hak_unit_clear(&live, address) { return hakFreeSlow(block) }
    line.pointee.live.store(live, ordering: .relaxed)
    if live == 0 { return hakFreeLast(block.unsafelyUnwrapped) }
}

@inline(never)
@c(hak_malloc_slow) public func hakMallocSlow(_ size: UInt) -> UnsafeMutableRawPointer? {
    let cache = hak_cache_get()
    if size > mediumMax, size <= largeMax, cache != hak_cache_none() {
        let block = LargeBlock.reuse(size, cache: ThreadCache(at: cache))
        if block != 0 { return UnsafeMutableRawPointer(bitPattern: block) }
    }
    return hakMallocMiss(size)
}

@inline(never)
@c(hak_malloc_miss) public func hakMallocMiss(_ size: UInt) -> UnsafeMutableRawPointer? {
    let block = CurrentThread.withCache { cache in cache.allocate(size) }
    guard let block, let block else { return outOfMemory() }
    return UnsafeMutableRawPointer(bitPattern: block.address)
}

@inline(never)
@c(hak_free_slow) public func hakFreeSlow(_ block: UnsafeMutableRawPointer?) {
    if keepReady(UInt(bitPattern: block)) { return }
    return hakFreeMiss(block)
}

@inline(never)
@c(hak_free_miss) public func hakFreeMiss(_ block: UnsafeMutableRawPointer?) {
    guard let block else { return }
    let address = UInt(bitPattern: block)
    let owner = BlockMap.line(address).pointee.owner.load(ordering: .relaxed)
    let cache = hak_cache_get()
    if owner & Owner.wholeMark != 0, cache != hak_cache_none(),
        LargeBlock.keepFreed(address, owner, cache: ThreadCache(at: cache))
    {
        return
    }
    let errorNumber = hak_errno_get()
    if heapAddress == 0 {
        Report.misuse(.foreign, at: address)
    } else {
        _ = CurrentThread.withCache { cache in cache.free(address) }
    }
    hak_errno_set(errorNumber)
}

/// Puts a block of a slab that feeds the calling thread's bin on that bin; false if it is not such
/// a block, or the bin has no room.
///
/// Where slabs are nearly full, frees and allocations meet here without a search of the map. The
/// block stays live, as all ready blocks; its mark tells a second free of it.
@inline(__always)
private func keepReady(_ address: UInt) -> Bool {
    let line = BlockMap.line(address)
    let cache = hak_cache_get()
    let offset = line.pointee.owner.load(ordering: .relaxed) &- cache
    guard offset <= smallMax | Owner.binMark, offset > Owner.binMark else { return false }
    let bin = pointer(cache &+ offset &- Owner.binMark, to: Bin.self)
    let top = bin.pointee.top
    var live = line.pointee.live.load(ordering: .relaxed)
    guard top != bin.pointee.full, address & (unitBytes &- 1) == 0, hak_unit_clear(&live, address)
    else { return false }
    if hak_mark_set(address) { return false }
    pointer(top &+ 8, to: UInt.self).pointee = address
    bin.pointee.top = top &+ 8
    ThreadCache.countReady(cache, binOffset: offset &- Owner.binMark)
    return true
}

@inline(never)
@c(hak_free_last) public func hakFreeLast(_ block: UnsafeMutableRawPointer) {
    ThreadCache(at: hak_cache_get()).lastFreed(UInt(bitPattern: block))
}

/// The answer of every failing allocation.
func outOfMemory() -> UnsafeMutableRawPointer? {
    hak_errno_set(ENOMEM)
    return nil
}
