// SPDX-License-Identifier: MIT
//
// Which place in the program a request comes from, when malloc's caller is a runtime that asks on
// behalf of others: Swift's, GLib's or C++'s library.
//
// A walk up the frames, of at most `framesMax`: each frame's address must be above the last one's
// by no more than `frameBytesMax`, and its two words are read by a system call that answers for
// addresses that are not there. No unwinder: those allocate, lock and read tables. Where a runtime
// was built without frame pointers, the walk arrives at the next function above that has one.
//
// Guarded by: the ranges are written by the constructor, when there is one thread.

import CHakmemShim

struct CodeRange {
    var start: UInt = 0
    var end: UInt = 0

    func contains(_ address: UInt) -> Bool { address >= start && address < end }
}

enum SiteWalk {
    private static let framesMax = 8
    private static let frameBytesMax: UInt = 1 << 16
    private static let rangesMax = 4

    /// Guarded by: written by `begin` alone.
    nonisolated(unsafe) private static var ranges = InlineArray<4, CodeRange>(
        repeating: CodeRange())
    /// Guarded by: written by `begin` alone.
    nonisolated(unsafe) private static var rangeCount = 0

    /// Looks which runtimes are there. For the library's constructor.
    static func begin() {
        rangeCount = 0
        CodeMap.visit { range, _, name in
            if rangeCount < rangesMax, isRuntime(name) {
                ranges[rangeCount] = range
                rangeCount += 1
            }
        }
    }

    private static func isRuntime(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
        begins(name, "libswiftCore.so") || begins(name, "libglib-2.0.so")
            || begins(name, "libstdc++.so") || begins(name, "libc++.so")
    }

    private static func begins(_ name: UnsafeBufferPointer<UInt8>, _ start: StaticString) -> Bool {
        guard name.count >= start.utf8CodeUnitCount else { return false }
        for index in 0..<start.utf8CodeUnitCount where name[index] != start.utf8Start[index] {
            return false
        }
        return true
    }

    private static func isRuntime(_ address: UInt) -> Bool {
        for index in 0..<rangeCount where ranges[index].contains(address) { return true }
        return false
    }

    /// The site in the program that stands behind `site`; `site` itself if none is found.
    @inline(__always)
    static func program(_ site: UInt) -> UInt {
        if rangeCount == 0 || !isRuntime(site) { return site }
        return walk(site)
    }

    @inline(never)
    private static func walk(_ site: UInt) -> UInt {
        var frame = UInt(hak_frame())
        var isBehind = false
        for _ in 0..<framesMax {
            // The caller's frame, and where the frame's function returns to.
            var words: (frame: UInt, caller: UInt) = (0, 0)
            let isRead = withUnsafeMutablePointer(to: &words) { words in
                words.withMemoryRebound(to: UInt.self, capacity: 2) {
                    SystemCall.readMemory(frame, into: $0, count: 2)
                }
            }
            guard isRead else { return site }
            // Frames of ours come first, then that of malloc's caller.
            if words.caller == site { isBehind = true }
            if isBehind, !isRuntime(words.caller) { return words.caller }
            guard words.frame > frame, words.frame - frame <= frameBytesMax, words.frame & 7 == 0
            else {
                return site
            }
            frame = words.frame
        }
        return site
    }
}
