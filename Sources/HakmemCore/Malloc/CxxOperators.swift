// SPDX-License-Identifier: MIT
//
// C++ operator new (operator delete is free under other names, see aliases.ld).
//
// A failing new calls the new-handler until it gives up, then throws std::bad_alloc. Exceptions
// need unwind tables, which Embedded Swift does not emit: all of that is in CHakmemShim, and these
// functions jump to it.

import CHakmemShim

@c(hak_new) public func hakNew(_ size: UInt) -> UnsafeMutableRawPointer? {
    if size > tinyMax { return hakNewMedium(size) }
    let bin = hak_cache_get() &+ ((size &+ (unitBytes &- 1)) & ~(unitBytes &- 1))
    let top = pointer(bin, to: Bin.self).pointee.top
    let block = pointer(top, to: UInt.self).pointee
    if !hak_mark_clear(block) { return hak_new_loop(Int(bitPattern: size)) }
    pointer(bin, to: Bin.self).pointee.top = top &+ 8
    return UnsafeMutableRawPointer(bitPattern: block)
}

/// The same for blocks above tiny ones.
@inline(never)
@c(hak_new_medium) public func hakNewMedium(_ size: UInt) -> UnsafeMutableRawPointer? {
    let block = takeReadyMedium(size)
    if block == 0 { return hak_new_loop(Int(bitPattern: size)) }
    return UnsafeMutableRawPointer(bitPattern: block)
}

@c(hak_new_nothrow) public func hakNewNothrow(
    _ size: UInt, _ tag: UnsafeRawPointer?
) -> UnsafeMutableRawPointer? {
    hak_new_nothrow_loop(Int(bitPattern: size), tag)
}

@c(hak_new_aligned) public func hakNewAligned(
    _ size: UInt, _ alignment: UInt
) -> UnsafeMutableRawPointer? {
    hak_new_aligned_loop(Int(bitPattern: size), Int(bitPattern: alignment))
}

@c(hak_new_aligned_nothrow) public func hakNewAlignedNothrow(
    _ size: UInt, _ alignment: UInt, _ tag: UnsafeRawPointer?
) -> UnsafeMutableRawPointer? {
    hak_new_aligned_nothrow_loop(Int(bitPattern: size), Int(bitPattern: alignment), tag)
}
