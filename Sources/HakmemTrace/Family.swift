// SPDX-License-Identifier: MIT
//
// The malloc family as the program sees it: glibc's own, and an event for each call that did
// something. Refused calls and frees of NULL leave none.
//
// Where the order is taken decides whether addresses can be followed: a block's birth counts after
// the call that made it, its end before the call that frees it. So an address is never given out
// again, in the order, before it was freed.

import CRecorder

@c(recorder_malloc)
public func recorderMalloc(_ size: Int) -> UnsafeMutableRawPointer? {
    let block = __libc_malloc(size)
    record(birth: UInt8(TRACE_MALLOC), of: block, size: UInt64(UInt(bitPattern: size)))
    return block
}

@c(recorder_calloc)
public func recorderCalloc(_ count: Int, _ size: Int) -> UnsafeMutableRawPointer? {
    let block = __libc_calloc(count, size)
    // A product that overflows has been refused.
    let bytes = UInt64(UInt(bitPattern: count)) &* UInt64(UInt(bitPattern: size))
    record(birth: UInt8(TRACE_CALLOC), of: block, size: bytes)
    return block
}

@c(recorder_free)
public func recorderFree(_ block: UnsafeMutableRawPointer?) {
    guard let block else { return }
    if var event = EventWriter() {
        event.put(address: block)
        event.finish(UInt8(TRACE_FREE))
    }
    __libc_free(block)
}

@c(recorder_realloc)
public func recorderRealloc(
    _ block: UnsafeMutableRawPointer?, _ size: Int
) -> UnsafeMutableRawPointer? {
    let before = takeOrder()
    let moved = __libc_realloc(block, size)
    // NULL is a refusal, but not of size 0: that has freed the block.
    guard moved != nil || (block != nil && size == 0) else { return nil }
    if var event = EventWriter() {
        event.put(event.order &- before)
        event.put(address: block)
        event.put(UInt64(UInt(bitPattern: size)))
        event.put(address: moved)
        event.finish(UInt8(TRACE_REALLOC))
    }
    return moved
}

@c(recorder_reallocarray)
public func recorderReallocArray(
    _ block: UnsafeMutableRawPointer?, _ count: Int, _ size: Int
) -> UnsafeMutableRawPointer? {
    let (bytes, overflows) = UInt(bitPattern: count).multipliedReportingOverflow(
        by: UInt(bitPattern: size))
    guard !overflows else {
        recorder_errno_set(ENOMEM)
        return nil
    }
    return recorderRealloc(block, Int(bitPattern: bytes))
}

@c(recorder_memalign)
public func recorderMemalign(_ alignment: Int, _ size: Int) -> UnsafeMutableRawPointer? {
    let block = __libc_memalign(alignment, size)
    record(birthOf: block, alignment: alignment, size: size)
    return block
}

@c(recorder_posix_memalign)
public func recorderPosixMemalign(
    _ result: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ alignment: Int, _ size: Int
) -> Int32 {
    guard alignment >= MemoryLayout<Int>.size, alignment & (alignment - 1) == 0 else {
        return EINVAL
    }
    let error = recorder_errno()
    let block = __libc_memalign(alignment, size)
    recorder_errno_set(error)
    guard let block else { return ENOMEM }
    record(birthOf: block, alignment: alignment, size: size)
    result.pointee = block
    return 0
}

@c(recorder_valloc)
public func recorderValloc(_ size: Int) -> UnsafeMutableRawPointer? {
    let block = __libc_valloc(size)
    record(birthOf: block, alignment: pageBytes, size: size)
    return block
}

@c(recorder_pvalloc)
public func recorderPvalloc(_ size: Int) -> UnsafeMutableRawPointer? {
    let block = __libc_pvalloc(size)
    record(birthOf: block, alignment: pageBytes, size: (size + pageBytes - 1) & -pageBytes)
    return block
}

@c(recorder_usable_size)
public func recorderUsableSize(_ block: UnsafeMutableRawPointer?) -> Int {
    block == nil ? 0 : recorder_libc_usable_size(block)
}

/// The page size that valloc aligns to, as far as a replay is concerned.
private let pageBytes = 4096

@inline(__always)
private func record(birth kind: UInt8, of block: UnsafeMutableRawPointer?, size: UInt64) {
    guard let block, var event = EventWriter() else { return }
    event.put(size)
    event.put(address: block)
    event.finish(kind)
}

@inline(__always)
private func record(birthOf block: UnsafeMutableRawPointer?, alignment: Int, size: Int) {
    guard let block, var event = EventWriter() else { return }
    event.put(UInt64(alignment.trailingZeroBitCount))
    event.put(UInt64(UInt(bitPattern: size)))
    event.put(address: block)
    event.finish(UInt8(TRACE_ALIGNED))
}
