// SPDX-License-Identifier: MIT
//
// The malloc of this process, looked up by name at run time.
//
// The functions are called through pointers, so that the compiler, which knows what malloc and
// free mean, neither removes a pair of calls nor reasons about a block that was freed. Those that
// not every malloc has are optional.

import CHakmem
import Glibc

typealias Block = UnsafeMutableRawPointer

/// The entry points of the malloc that this process runs on.
struct Allocator: @unchecked Sendable {
    typealias Allocate = @convention(c) (UInt) -> Block?
    typealias AllocateTwo = @convention(c) (UInt, UInt) -> Block?
    typealias Free = @convention(c) (Block?) -> Void

    let malloc: Allocate = required("malloc")
    let calloc: AllocateTwo = required("calloc")
    let realloc: @convention(c) (Block?, UInt) -> Block? = required("realloc")
    let reallocarray: @convention(c) (Block?, UInt, UInt) -> Block? = required("reallocarray")
    let free: Free = required("free")
    let posixMemalign: @convention(c) (UnsafeMutablePointer<Block?>, UInt, UInt) -> Int32 =
        required("posix_memalign")
    let alignedAlloc: AllocateTwo = required("aligned_alloc")
    let memalign: AllocateTwo = required("memalign")
    let valloc: Allocate = required("valloc")
    let usableSize: @convention(c) (Block?) -> UInt = required("malloc_usable_size")

    let pvalloc: Allocate? = optional("pvalloc")
    let cfree: Free? = optional("cfree")
    let freeSized: (@convention(c) (Block?, UInt) -> Void)? = optional("free_sized")
    let freeAlignedSized: (@convention(c) (Block?, UInt, UInt) -> Void)? =
        optional("free_aligned_sized")

    let mallocTrim: (@convention(c) (UInt) -> Int32)? = optional("malloc_trim")

    let hakAlloc: Allocate? = optional("hak_alloc")
    let hakAllocAt: (@convention(c) (UInt, UnsafeRawPointer?) -> Block?)? = optional("hak_alloc_at")
    let hakFree: Free? = optional("hak_free")
    let hakFreeAt: (@convention(c) (Block?, UnsafeRawPointer?) -> Void)? = optional("hak_free_at")
    let hakCalloc: AllocateTwo? = optional("hak_calloc")
    let hakRealloc: (@convention(c) (Block?, UInt) -> Block?)? = optional("hak_realloc")
    let hakUsableSize: (@convention(c) (Block?) -> UInt)? = optional("hak_usable_size")
    let hakTrim: (@convention(c) () -> UInt)? = optional("hak_trim")
    let hakStats: (@convention(c) (UnsafeMutablePointer<hak_stats_t>?, UInt) -> Int32)? =
        optional("hak_stats")

    /// Whether it is hakmem that serves this process, which promises more than glibc does.
    var isHakmem: Bool { hakAlloc != nil }

    private static func required<Function>(_ name: String) -> Function {
        guard let symbol = dlsym(nil, name) else {
            fatalError("\(name) is not exported by any library of this process")
        }
        return unsafeBitCast(symbol, to: Function.self)
    }

    /// A function that counts only where it comes from the library that malloc comes from: a
    /// preloaded malloc without pvalloc leaves that of libc in sight, which is another heap's.
    private static func optional<Function>(_ name: String) -> Function? {
        guard let symbol = dlsym(nil, name), library(of: name) == library(of: "malloc") else {
            return nil
        }
        return unsafeBitCast(symbol, to: Function.self)
    }

    /// Where the library begins that serves the function `name`, or nil if none does.
    static func library(of name: String) -> UnsafeRawPointer? {
        // Glibc hides dladdr and its structure from Swift.
        typealias Look = @convention(c) (UnsafeRawPointer, UnsafeMutableRawPointer) -> Int32
        guard let symbol = dlsym(nil, name), let look = dlsym(nil, "dladdr") else { return nil }
        var found = Found()
        return unsafeBitCast(look, to: Look.self)(symbol, &found) != 0 ? found.libraryBase : nil
    }

    /// Dl_info.
    private struct Found {
        var libraryName: UnsafePointer<CChar>?
        var libraryBase: UnsafeRawPointer?
        var symbolName: UnsafePointer<CChar>?
        var symbolAddress: UnsafeRawPointer?
    }
}

/// The malloc of this process.
let heap = Allocator()

/// What posix_memalign answered: its result, the block it stored, and errno after it.
struct AlignedResult {
    let status: Int32
    let block: Block?
    let errnoAfter: Int32
}

extension Allocator {
    /// posix_memalign with `untouched` in its output beforehand and `errnoBefore` in errno.
    func posixMemalign(
        _ alignment: UInt, _ size: UInt, untouched: Block?, errnoBefore: Int32
    ) -> AlignedResult {
        var block = untouched
        errno = errnoBefore
        let status = posixMemalign(&block, alignment, size)
        return AlignedResult(status: status, block: block, errnoAfter: errno)
    }
}

extension UnsafeMutableRawPointer {
    /// The address as a number.
    var address: UInt { UInt(bitPattern: self) }

    /// Whether the address is a multiple of `alignment`.
    func isAligned(to alignment: UInt) -> Bool { address % alignment == 0 }
}

/// `value` as C prints an address.
func hexadecimal(_ value: UInt) -> String { "0x" + String(value, radix: 16) }
