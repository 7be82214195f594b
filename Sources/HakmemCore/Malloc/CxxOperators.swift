// SPDX-License-Identifier: MIT
//
// C++ operator new (operator delete is free under other names, see aliases.ld).
//
// A failing new calls the new-handler until it gives up, then throws std::bad_alloc: both through
// weak references to the C++ library, which is in every process that is C++.

import CHakmemShim

@c(hak_new) public func hakNew(_ size: UInt) -> UnsafeMutableRawPointer? {
    if size > smallMax { return hakNewSlow(size) }
    let bin = hak_cache_get() &+ ((size &+ (unitBytes &- 1)) & ~(unitBytes &- 1))
    let block = pointer(pointer(bin, to: Bin.self).pointee.top, to: UInt.self).pointee
    if !hak_mark_clear(block) { return hakNewSlow(size) }
    hak_bin_pop(bin)
    return UnsafeMutableRawPointer(bitPattern: block)
}

@inline(never)
@c(hak_new_slow) public func hakNewSlow(_ size: UInt) -> UnsafeMutableRawPointer? {
    while true {
        if let block = hakMallocSlow(size) { return block }
        if !tryNewHandler(throwing: true) { return nil }
    }
}

@c(hak_new_nothrow) public func hakNewNothrow(
    _ size: UInt, _ tag: UnsafeRawPointer?
) -> UnsafeMutableRawPointer? {
    while true {
        if let block = hakMalloc(size) { return block }
        if !tryNewHandler(throwing: false) { return nil }
    }
}

@c(hak_new_aligned) public func hakNewAligned(
    _ size: UInt, _ alignment: UInt
) -> UnsafeMutableRawPointer? {
    while true {
        if let block = hakAlignedAlloc(alignment, size) { return block }
        if !tryNewHandler(throwing: true) { return nil }
    }
}

@c(hak_new_aligned_nothrow) public func hakNewAlignedNothrow(
    _ size: UInt, _ alignment: UInt, _ tag: UnsafeRawPointer?
) -> UnsafeMutableRawPointer? {
    while true {
        if let block = hakAlignedAlloc(alignment, size) { return block }
        if !tryNewHandler(throwing: false) { return nil }
    }
}

/// Runs the new-handler, if there is one, after which the allocation is worth another try. Without
/// one: throws, or gives false.
private func tryNewHandler(throwing: Bool) -> Bool {
    if let handler = hak_new_handler() {
        hak_new_handler_call(handler)
        return true
    }
    if throwing {
        if hak_can_throw() { hak_throw_bad_alloc() }
        abort()
    }
    return false
}
