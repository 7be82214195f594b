// SPDX-License-Identifier: MIT
//
// Memory for the allocator's own records: span headers, thread caches, messages, chunk records.
//
// A bump pointer through mapped chunks; what it gives is zeroed and never comes back (each kind of
// record keeps its own spares). Only pages that are written become resident.
//
// Guarded by: its lock, of the highest rank. Two threads that find the chunk used up both map one;
// the later one wins, and what is left of the other stays untouched address space.

import Synchronization

struct Metadata: ~Copyable {
    private let lock: Lock
    private var bump: UInt
    private var end: UInt
    /// Bytes given out.
    let usedBytes: Atomic<UInt>

    private static let chunkBytes: UInt = 256 * 1024

    /// `bytes` zeroed bytes at a multiple of `alignment`, or nil when the kernel refuses.
    mutating func allocate(_ bytes: UInt, alignment: UInt) -> UInt? {
        while true {
            lock.acquire()
            let start = alignUp(bump, to: alignment)
            if bump != 0, start + bytes <= end {
                bump = start + bytes
                lock.release()
                usedBytes.wrappingAdd(bytes, ordering: .relaxed)
                return start
            }
            lock.release()
            let wanted = max(Metadata.chunkBytes, bytes + alignment)
            guard let chunk = SystemCall.map(bytes: wanted) else { return nil }
            lock.acquire()
            bump = chunk
            end = chunk + wanted
            lock.release()
        }
    }

    borrowing func acquireLock() { lock.acquire() }
    borrowing func releaseLock() { lock.release() }
    borrowing func resetAfterFork() { lock.resetAfterFork() }
}
