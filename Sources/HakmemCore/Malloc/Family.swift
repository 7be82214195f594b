// SPDX-License-Identifier: MIT
//
// The rest of the C family: zeroed, resized and aligned allocation, sizes, sized frees.
// Semantics: ISO C23, POSIX.1-2024, and glibc's manual where the two are silent.

import CHakmemShim

@c(hak_calloc) public func hakCalloc(_ count: UInt, _ size: UInt) -> UnsafeMutableRawPointer? {
    let (bytes, overflows) = count.multipliedReportingOverflow(by: size)
    if overflows { return outOfMemory() }
    if bytes > tinyMax { return hakCallocMedium(bytes) }
    let block = takeReady(bytes, leavesMark: true)
    if block == 0 { return hakCallocSlow(bytes) }
    ThreadCache.count(ThreadCache(at: hak_cache_get()).header.pointee.callocs)
    return ReadyMark.zero(block, bytes: bytes, newMark: ReadyMark.new)
}

/// The same for blocks above tiny ones.
@inline(never)
@c(hak_calloc_medium) public func hakCallocMedium(_ bytes: UInt) -> UnsafeMutableRawPointer? {
    let block = takeReadyMedium(bytes, leavesMark: true)
    if block == 0 { return hakCallocSlow(bytes) }
    ThreadCache.count(ThreadCache(at: hak_cache_get()).header.pointee.callocs)
    return ReadyMark.zero(block, bytes: bytes, newMark: ReadyMark.new)
}

@inline(never)
@c(hak_calloc_slow) public func hakCallocSlow(_ bytes: UInt) -> UnsafeMutableRawPointer? {
    let site = UInt(hak_caller())
    if bytes <= mediumMax {
        guard let block = hakMallocSlow(bytes) else { return nil }
        let cache = hak_cache_get()
        if cache != hak_cache_none() {
            ThreadCache.count(ThreadCache(at: cache).header.pointee.callocs)
        }
        return ReadyMark.zero(
            UInt(bitPattern: block), bytes: max(bytes, 1), newMark: ReadyMark.newTaken)
    }
    let block =
        Sections.measure(.mallocSlow) {
            CurrentThread.withCache { cache -> UInt in
                cache.noteSite(site, bytes: bytes)
                return cache.allocateZeroed(bytes)
            }
        } ?? 0
    return block == 0 ? outOfMemory() : UnsafeMutableRawPointer(bitPattern: block)
}

/// In place, where one of the calling thread's own blocks of slabs has the room.
@c(hak_realloc) public func hakRealloc(
    _ block: UnsafeMutableRawPointer?, _ size: UInt
) -> UnsafeMutableRawPointer? {
    let address = UInt(bitPattern: block)
    let cache = hak_cache_get()
    let place = OwnMap.place(address, cache)
    let binOffset = UInt(OwnMap.entry(at: place, cache).pointee)
    if binOffset == 0 { return hakReallocSlow(block, size) }
    guard ClassTable.entry(SizeClass(binOffset: binOffset)).pointee.keeps(size) else {
        return hakReallocMoved(block, size)
    }
    guard isOwnBlock(address, place, binOffset, cache) else { return hakReallocSlow(block, size) }
    ThreadCache.count(ThreadCache(at: cache).header.pointee.reallocs)
    return block
}

/// What does not stay where it is, of the calling thread's own blocks of slabs: a larger block that
/// is ready takes its place by short paths; all else is for the slow path.
@inline(never)
@c(hak_realloc_moved) public func hakReallocMoved(
    _ block: UnsafeMutableRawPointer?, _ size: UInt
) -> UnsafeMutableRawPointer? {
    let address = UInt(bitPattern: block)
    let cache = hak_cache_get()
    let place = OwnMap.place(address, cache)
    let binOffset = UInt(OwnMap.entry(at: place, cache).pointee)
    let usable = UInt(ClassTable.entry(SizeClass(binOffset: binOffset)).pointee.blockBytes)
    guard size > usable, size <= mediumMax, isOwnBlock(address, place, binOffset, cache) else {
        return hakReallocSlow(block, size)
    }
    let wanted = min(size &+ ThreadCache.headRoom(size, from: usable), mediumMax)
    let moved = wanted > tinyMax ? takeReadyMedium(wanted) : takeReady(wanted)
    if moved == 0 { return hakReallocSlow(block, size) }
    let header = ThreadCache(at: cache).header
    ThreadCache.count(header.pointee.reallocs)
    ThreadCache.count(header.pointee.reallocMoves)
    hak_copy(moved, address, Int(usable))
    hakFree(block)
    return UnsafeMutableRawPointer(bitPattern: moved)
}

/// Whether a block of the calling thread's bin at `binOffset` starts at an address and is not free.
@inline(__always)
private func isOwnBlock(
    _ address: UInt, _ place: UInt, _ binOffset: UInt, _ cache: UInt
) -> Bool {
    let check = pointer(cache &+ ThreadCache.startChecksOffset &+ binOffset, to: StartCheck.self)
    return check.pointee.isStart(place) && !ReadyMark.isOn(address)
}

@inline(never)
@c(hak_realloc_slow) public func hakReallocSlow(
    _ block: UnsafeMutableRawPointer?, _ size: UInt
) -> UnsafeMutableRawPointer? {
    let site = UInt(hak_caller())
    guard let block else { return hakAllocAt(size, UnsafeRawPointer(bitPattern: site)) }
    let address = UInt(bitPattern: block)
    guard let span = ThreadCache.liveSpan(address), !ThreadCache.isReady(address, span) else {
        // Says what is wrong with it, and ends the program unless errors are ignored.
        hakFreeSlow(block)
        return outOfMemory()
    }
    if size == 0 {
        hakFree(block)
        return nil
    }
    guard size <= requestMax else { return outOfMemory() }
    let moved =
        Sections.measure(.mallocSlow) {
            CurrentThread.withCache { cache -> UInt in
                cache.noteSite(site, bytes: size)
                return cache.reallocate(address, span, size, site: site)
            }
        } ?? 0
    return moved == 0 ? outOfMemory() : UnsafeMutableRawPointer(bitPattern: moved)
}

@c(hak_reallocarray) public func hakReallocarray(
    _ block: UnsafeMutableRawPointer?, _ count: UInt, _ size: UInt
) -> UnsafeMutableRawPointer? {
    let (bytes, overflows) = count.multipliedReportingOverflow(by: size)
    return overflows ? outOfMemory() : hakRealloc(block, bytes)
}

/// A block of `size` bytes at a multiple of `alignment`, a power of two; 0 when out of memory.
///
/// Blocks of slabs lie at multiples of their size (StartCheck), hence those of a class for a
/// multiple of a power of two at multiples of that.
@inline(__always)
private func takeAligned(_ alignment: UInt, _ size: UInt) -> UInt {
    if alignment <= smallMax, size <= mediumMax {
        let rounded = (size &+ alignment &- 1) & (0 &- alignment)
        let block = rounded > tinyMax ? takeReadyMedium(rounded) : takeReady(rounded)
        if block != 0 {
            ThreadCache.count(ThreadCache(at: hak_cache_get()).header.pointee.aligned)
            return block
        }
    }
    return allocateAligned(alignment, size)
}

/// The same, when no such block is ready.
@inline(never)
func allocateAligned(_ alignment: UInt, _ size: UInt) -> UInt {
    let errorNumber = hak_errno_get()
    let block = CurrentThread.withCache { cache in
        ThreadCache.count(cache.header.pointee.aligned)
        return cache.allocateAligned(size, alignment: alignment)
    }
    hak_errno_set(errorNumber)
    guard let block, let block else { return 0 }
    return block.address
}

private func alignedOrOutOfMemory(_ alignment: UInt, _ size: UInt) -> UnsafeMutableRawPointer? {
    let block = takeAligned(alignment, size)
    return block == 0 ? outOfMemory() : UnsafeMutableRawPointer(bitPattern: block)
}

@c(hak_posix_memalign) public func hakPosixMemalign(
    _ result: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ alignment: UInt, _ size: UInt
) -> Int32 {
    guard isPowerOfTwo(alignment), alignment >= UInt(MemoryLayout<UInt>.size) else { return EINVAL }
    let block = takeAligned(alignment, size)
    if block == 0 { return ENOMEM }
    result.pointee = UnsafeMutableRawPointer(bitPattern: block)
    return 0
}

@c(hak_aligned_alloc) public func hakAlignedAlloc(
    _ alignment: UInt, _ size: UInt
) -> UnsafeMutableRawPointer? {
    guard isPowerOfTwo(alignment) else {
        hak_errno_set(EINVAL)
        return nil
    }
    return alignedOrOutOfMemory(alignment, size)
}

/// As in glibc, an alignment that is no power of two is rounded up to one.
@c(hak_memalign) public func hakMemalign(
    _ alignment: UInt, _ size: UInt
) -> UnsafeMutableRawPointer? {
    guard alignment <= 1 << 63 else {
        hak_errno_set(EINVAL)
        return nil
    }
    let bits = UInt(UInt.bitWidth - (max(alignment, 1) - 1).leadingZeroBitCount)
    return alignedOrOutOfMemory(1 << bits, size)
}

@c(hak_valloc) public func hakValloc(_ size: UInt) -> UnsafeMutableRawPointer? {
    guard Start.ensure() else { return outOfMemory() }
    return alignedOrOutOfMemory(process.pageBytes, size)
}

@c(hak_pvalloc) public func hakPvalloc(_ size: UInt) -> UnsafeMutableRawPointer? {
    guard Start.ensure(), size <= requestMax - process.pageBytes else { return outOfMemory() }
    let bytes = alignUp(max(size, 1), to: process.pageBytes)
    return alignedOrOutOfMemory(process.pageBytes, bytes)
}

@c(hak_usable_size) public func hakUsableSize(_ block: UnsafeMutableRawPointer?) -> UInt {
    ThreadCache.usableBytes(UInt(bitPattern: block))
}

// MARK: Sized frees

@c(hak_free_sized) public func hakFreeSized(_ block: UnsafeMutableRawPointer?, _ size: UInt) {
    let address = UInt(bitPattern: block)
    if let span = ThreadCache.liveSpan(address), !couldHaveAsked(for: size, span) {
        Report.misuse(.wrongSize(given: size, blockBytes: span.blockBytes), at: address)
        return
    }
    hakFree(block)
}

@c(hak_free_aligned_sized) public func hakFreeAlignedSized(
    _ block: UnsafeMutableRawPointer?, _ alignment: UInt, _ size: UInt
) {
    let address = UInt(bitPattern: block)
    if let span = ThreadCache.liveSpan(address) {
        if !isPowerOfTwo(alignment) || address & (alignment - 1) != 0 {
            Report.misuse(.wrongAlignment(given: alignment), at: address)
            return
        }
        if !couldHaveAsked(for: size, alignedTo: alignment, span) {
            Report.misuse(.wrongSize(given: size, blockBytes: span.blockBytes), at: address)
            return
        }
    }
    hakFree(block)
}

/// Whether a request for `size` bytes may have ended in the block of a span: the one that malloc
/// gives, or one up to twice as large that realloc has left in place.
private func couldHaveAsked(for size: UInt, _ span: Span) -> Bool {
    couldHaveAsked(for: size, span.knownBytes)
}

/// The same for an aligned request.
private func couldHaveAsked(for size: UInt, alignedTo alignment: UInt, _ span: Span) -> Bool {
    couldHaveAsked(for: size, alignedTo: alignment, span.knownBytes)
}

private func couldHaveAsked(for size: UInt, _ blockBytes: UInt) -> Bool {
    if size > blockBytes { return false }
    if blockBytes <= 64 || blockBytes / 2 <= size { return true }
    if size <= mediumMax { return SizeClass(bytes: max(size, 1)).blockBytes == blockBytes }
    return alignUp(size, to: granuleBytes) >= blockBytes
}

/// Blocks of slabs are rounded up to the alignment; blocks that are aligned beyond a granule have
/// spans for themselves.
private func couldHaveAsked(
    for size: UInt, alignedTo alignment: UInt, _ blockBytes: UInt
) -> Bool {
    if size > blockBytes { return false }
    if alignment <= granuleBytes {
        let rounded = size <= mediumMax ? alignUp(max(size, 1), to: alignment) : size
        return couldHaveAsked(for: rounded, blockBytes)
    }
    return blockBytes / 2 <= size || blockBytes <= alignUp(max(size, 1), to: granuleBytes)
}
