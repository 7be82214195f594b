// SPDX-License-Identifier: MIT
//
// One event on its way into the chunk of its thread:
//
//   kind · order − order of the event before · what the kind says      (docs/trace-format.md)
//
// Numbers have seven bits a byte, the lowest first; addresses are differences to the last one.
// The first byte is written last, so that a chunk is readable at any moment.

import CRecorder
import Synchronization

struct EventWriter {
    /// This event's place in the order of all threads' events.
    let order: UInt64
    private let thread: UnsafeMutablePointer<recorder_thread_t>
    private var next: UnsafeMutablePointer<UInt8>

    /// Nil when nothing is recorded: off, cut off, or the thread is recording an event already.
    @inline(__always)
    init?() {
        thread = recorder_thread()
        guard recording.isOn.load(ordering: .relaxed) else { return nil }
        guard !thread.pointee.is_busy else {
            recording.miss()
            return nil
        }
        thread.pointee.is_busy = true
        recorder_fence()
        if thread.pointee.next == nil
            || thread.pointee.end - thread.pointee.next < Int(TRACE_EVENT_BYTES_MAX) + 1
        {
            guard recording.beginChunk(thread) else {
                thread.pointee.is_busy = false
                return nil
            }
        }
        order = takeOrder()
        next = thread.pointee.next + 1
        put(order &- thread.pointee.order)
    }

    @inline(__always)
    mutating func put(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            next.pointee = UInt8(truncatingIfNeeded: rest) | 0x80
            next += 1
            rest >>= 7
        }
        next.pointee = UInt8(truncatingIfNeeded: rest)
        next += 1
    }

    /// The difference to the address before, with its sign in the lowest bit.
    @inline(__always)
    mutating func put(address: UnsafeMutableRawPointer?) {
        let address = UInt64(UInt(bitPattern: address))
        let difference = Int64(bitPattern: address &- thread.pointee.address)
        put(UInt64(bitPattern: difference << 1 ^ difference >> 63))
        thread.pointee.address = address
    }

    /// Makes the event part of the log.
    @inline(__always)
    mutating func finish(_ kind: UInt8) {
        recorder_publish(thread.pointee.next, kind)
        thread.pointee.next = next
        thread.pointee.order = order
        recorder_fence()
        thread.pointee.is_busy = false
    }
}

/// The next place in the order of all threads' events.
@inline(__always)
func takeOrder() -> UInt64 {
    recording.order.wrappingAdd(1, ordering: .relaxed).newValue
}
