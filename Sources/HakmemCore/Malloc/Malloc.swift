// SPDX-License-Identifier: MIT
//
// malloc and free: the hit paths, and the first step of their misses.
//
//   malloc(n)  n <= smallMax: pop the bin at `cache + round16(n)`       hit, 12 instructions
//              └► hak_malloc_slow: ThreadCache.allocate → refill | medium | large | whale
//   free(p)    line(p).owner == cache: clear the live bit                hit, 18 instructions
//              ├► hak_free_slow: NULL, another owner, a full slab, a whole span, misuse
//              └► hak_free_last: the line's last block: maybe the slab is empty
//
// The slow steps are exports themselves so that the hit path jumps to them and has no frame
// (docs/adr/0002-embedded-swift-flags.md).

import CHakmemShim
import Synchronization

@c(hak_malloc) public func hakMalloc(_ size: UInt) -> UnsafeMutableRawPointer? {
    if size > smallMax { return hakMallocSlow(size) }
    let bin = hak_cache_get() &+ ((size &+ (unitBytes &- 1)) & ~(unitBytes &- 1))
    let block = pointer(pointer(bin, to: Bin.self).pointee.top, to: UInt.self).pointee
    if block == 0 { return hakMallocSlow(size) }
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
    let block = CurrentThread.withCache { cache in cache.allocate(size) }
    guard let block, let block else { return outOfMemory() }
    return UnsafeMutableRawPointer(bitPattern: block.address)
}

@inline(never)
@c(hak_free_slow) public func hakFreeSlow(_ block: UnsafeMutableRawPointer?) {
    guard let block else { return }
    let errorNumber = hak_errno_get()
    let address = UInt(bitPattern: block)
    if heapAddress == 0 {
        Report.misuse(.foreign, at: address)
    } else {
        _ = CurrentThread.withCache { cache in cache.free(address) }
    }
    hak_errno_set(errorNumber)
}

@inline(never)
@c(hak_free_last) public func hakFreeLast(_ block: UnsafeMutableRawPointer) {
    ThreadCache(at: hak_cache_get()).lineEmptied(UInt(bitPattern: block))
}

/// The answer of every failing allocation.
func outOfMemory() -> UnsafeMutableRawPointer? {
    hak_errno_set(ENOMEM)
    return nil
}
