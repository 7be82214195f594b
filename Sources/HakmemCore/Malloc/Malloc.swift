// SPDX-License-Identifier: MIT
//
// malloc and free: the hit paths, and the first step of their misses.
//
//   malloc(n)  n <= tinyMax: pop the bin at `cache + round16(n)`
//              ├► hak_malloc_medium, n <= mediumMax: pop the bin of n's class
//              └► hak_malloc_slow
//                 ├► hak_malloc_refill: ThreadCache.refill
//                 ├► hak_malloc_large: the large block that the thread kept last
//                 │  └► hak_malloc_kept: those that it kept before
//                 └► hak_malloc_miss: ThreadCache.allocate → refill | large | whale
//              └► hak_malloc_measured: the same in one step, while slow paths are measured
//   free(p)    push on the bin that the thread's own map names for p's granule
//              └► hak_free_slow: full bins
//                 ├► hak_free_remote: a thread that has begun but lately takes hak_free_miss
//                 ├► hak_free_large: kept while there is room
//                 │  └► hak_free_larger: others of those that are kept make room
//                 └► hak_free_miss: NULL, a whale, misuse, what those cannot; every block of the
//                    thread's own while frees are counted
//
// The slow steps are exports themselves so that the hit path jumps to them and has no frame
// (docs/adr/0002-embedded-swift-flags.md).
//
// Blocks on a bin's stack are ready: live in the map, and with the mark as their first word. The
// mark tells free that the block is already there; and malloc, which takes all of it off but bit 4,
// that it has a block and not the sentinel.

import CHakmemShim
import Synchronization

@c(hak_malloc) public func hakMalloc(_ size: UInt) -> UnsafeMutableRawPointer? {
    if size > tinyMax { return hakMallocMedium(size) }
    let bin = hak_cache_get() &+ ((size &+ (unitBytes &- 1)) & ~(unitBytes &- 1))
    let top = pointer(bin, to: Bin.self).pointee.top
    let block = pointer(top, to: UInt.self).pointee
    if !hak_mark_clear(block) { return hakMallocSlow(size) }
    pointer(bin, to: Bin.self).pointee.top = top &+ 8
    return UnsafeMutableRawPointer(bitPattern: block)
}

/// The same for blocks above tiny ones.
@inline(never)
@c(hak_malloc_medium) public func hakMallocMedium(_ size: UInt) -> UnsafeMutableRawPointer? {
    let block = takeReadyMedium(size)
    return block == 0 ? hakMallocSlow(size) : UnsafeMutableRawPointer(bitPattern: block)
}

/// What malloc's second hit path does: of more than tinyMax bytes; 0 when no such block is ready.
/// With `leavesMark` the block keeps its mark, for who looks at that next (ReadyMark.isOnTop).
@inline(__always)
func takeReadyMedium(_ size: UInt, leavesMark: Bool = false) -> UInt {
    if size > mediumMax { return 0 }
    return takeReady(
        hak_cache_get() &+ SizeClass.binOffset(bytesAboveTiny: size), leavesMark)
}

/// What malloc's hit path does, for its relatives; 0 when no block of that size is ready.
@inline(__always)
func takeReady(_ size: UInt, leavesMark: Bool = false) -> UInt {
    if size > tinyMax { return 0 }
    return takeReady(
        hak_cache_get() &+ ((size &+ (unitBytes &- 1)) & ~(unitBytes &- 1)), leavesMark)
}

@inline(__always)
private func takeReady(_ bin: UInt, _ leavesMark: Bool) -> UInt {
    let top = pointer(bin, to: Bin.self).pointee.top
    let block = pointer(top, to: UInt.self).pointee
    if leavesMark ? !ReadyMark.isOnTop(block) : !hak_mark_clear(block) { return 0 }
    pointer(bin, to: Bin.self).pointee.top = top &+ 8
    return block
}

@c(hak_free) public func hakFree(_ block: UnsafeMutableRawPointer?) {
    let address = UInt(bitPattern: block)
    let cache = hak_cache_get()
    let place = OwnMap.place(address, cache)
    let checked = hak_copied(place)
    let bin = cache &+ UInt(OwnMap.entry(at: place, cache).pointee)
    let check = pointer(bin &+ ThreadCache.startChecksOffset, to: StartCheck.self)
    let checkedTop = check.pointee.checkedTop(pointer(bin, to: Bin.self).pointee.top, checked)
    if checkedTop < pointer(bin, to: Bin.self).pointee.bound { return hakFreeSlow(block) }
    if ReadyMark.mayBeOn(address) { return hakFreeSlow(block) }
    ReadyMark.set(address)
    pointer(checkedTop &- StartCheck.start &- 8, to: UInt.self).pointee = address
    hak_bin_push(bin)
}

@inline(never)
@c(hak_malloc_slow) public func hakMallocSlow(_ size: UInt) -> UnsafeMutableRawPointer? {
    if Sections.areMeasured { return hakMallocMeasured(size, UInt(hak_caller())) }
    if size > mediumMax { return hakMallocLarge(size) }
    return hak_cache_get() == hak_cache_none() ? hakMallocMiss(size) : hakMallocRefill(size)
}

@inline(never)
@c(hak_malloc_large) public func hakMallocLarge(_ size: UInt) -> UnsafeMutableRawPointer? {
    if size > largeMax { return hakMallocMiss(size) }
    let block = LargeBlock.reuseYoungest(size, cache: ThreadCache(at: hak_cache_get()))
    return block == 0 ? hakMallocKept(size) : UnsafeMutableRawPointer(bitPattern: block)
}

@inline(never)
@c(hak_malloc_kept) public func hakMallocKept(_ size: UInt) -> UnsafeMutableRawPointer? {
    let cache = hak_cache_get()
    if cache == hak_cache_none() { return hakMallocMiss(size) }
    let block = LargeBlock.reuse(size, cache: ThreadCache(at: cache))
    return block == 0 ? hakMallocMiss(size) : UnsafeMutableRawPointer(bitPattern: block)
}

@inline(never)
@c(hak_malloc_refill) public func hakMallocRefill(_ size: UInt) -> UnsafeMutableRawPointer? {
    let cache = ThreadCache(at: hak_cache_get())
    let block = cache.allocateReady(SizeClass(bytes: max(size, 1)))
    return block == 0 ? hakMallocMiss(size) : UnsafeMutableRawPointer(bitPattern: block)
}

@inline(never)
@c(hak_malloc_miss) public func hakMallocMiss(_ size: UInt) -> UnsafeMutableRawPointer? {
    let block = CurrentThread.withCache { cache in cache.allocate(size) }
    guard let block, let block else { return outOfMemory() }
    return UnsafeMutableRawPointer(bitPattern: block.address)
}

/// A miss while slow paths are measured, of malloc that was called from `site`.
@inline(never)
@c(hak_malloc_measured) public func hakMallocMeasured(
    _ size: UInt, _ site: UInt
) -> UnsafeMutableRawPointer? {
    let block = Sections.measure(.mallocSlow) {
        CurrentThread.withCache { cache in
            cache.noteSite(site, bytes: size)
            return cache.allocate(size)
        }
    }
    guard let block, let block else { return outOfMemory() }
    return UnsafeMutableRawPointer(bitPattern: block.address)
}

@inline(never)
@c(hak_free_slow) public func hakFreeSlow(_ block: UnsafeMutableRawPointer?) {
    if Sections.areMeasured { return hakFreeMiss(block) }
    let address = UInt(bitPattern: block)
    let cache = hak_cache_get()
    let binOffset = UInt(OwnMap.entry(address, cache).pointee)
    if binOffset != 0 {
        let sizeClass = SizeClass(binOffset: binOffset)
        if !ThreadCache(at: cache).freeOwn(address, sizeClass) { return hakFreeMiss(block) }
        return
    }
    let owner = BlockMap.owner(address)
    if owner == 0 || cache == hak_cache_none() { return hakFreeMiss(block) }
    if owner & Owner.wholeMark != 0 { return hakFreeLarge(block) }
    return Owner.cache(owner).address == cache ? hakFreeMiss(block) : hakFreeRemote(block)
}

@inline(never)
@c(hak_free_remote) public func hakFreeRemote(_ block: UnsafeMutableRawPointer?) {
    let address = UInt(bitPattern: block)
    let owner = BlockMap.owner(address)
    let cache = ThreadCache(at: hak_cache_get())
    if cache.isSettling || !cache.sendRemote(address, owner) { return hakFreeMiss(block) }
}

@inline(never)
@c(hak_free_large) public func hakFreeLarge(_ block: UnsafeMutableRawPointer?) {
    let address = UInt(bitPattern: block)
    let cache = ThreadCache(at: hak_cache_get())
    if !LargeBlock.keepFreed(address, cache: cache, makesRoom: false) {
        return hakFreeLarger(block)
    }
}

@inline(never)
@c(hak_free_larger) public func hakFreeLarger(_ block: UnsafeMutableRawPointer?) {
    let address = UInt(bitPattern: block)
    let cache = ThreadCache(at: hak_cache_get())
    if !LargeBlock.keepFreed(address, cache: cache, makesRoom: true) { return hakFreeMiss(block) }
}

@inline(never)
@c(hak_free_miss) public func hakFreeMiss(_ block: UnsafeMutableRawPointer?) {
    guard let block else { return }
    let address = UInt(bitPattern: block)
    let errorNumber = hak_errno_get()
    if heapAddress == 0 {
        Report.misuse(.foreign, at: address)
    } else {
        Sections.measure(.freeSlow) {
            CurrentThread.follow(address)
            _ = CurrentThread.withCache { cache in cache.free(address) }
        }
    }
    hak_errno_set(errorNumber)
}

/// The answer of every failing allocation.
func outOfMemory() -> UnsafeMutableRawPointer? {
    hak_errno_set(ENOMEM)
    return nil
}
