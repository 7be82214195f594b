// SPDX-License-Identifier: MIT
//
// A doubly linked list of spans through their headers. Zeroed memory is an empty list.
// Guarded by: whatever guards the list's owner.

struct SpanList: ~Copyable {
    private(set) var first: UInt = 0
    private(set) var last: UInt = 0

    var isEmpty: Bool { first == 0 }
    var firstSpan: Span? { Span(atOrNil: first) }
    var lastSpan: Span? { Span(atOrNil: last) }

    mutating func pushFirst(_ span: Span) {
        span.header.pointee.previous = 0
        span.header.pointee.next = first
        if first == 0 {
            last = span.address
        } else {
            Span(at: first).header.pointee.previous = span.address
        }
        first = span.address
    }

    mutating func pushLast(_ span: Span) {
        span.header.pointee.next = 0
        span.header.pointee.previous = last
        if last == 0 {
            first = span.address
        } else {
            Span(at: last).header.pointee.next = span.address
        }
        last = span.address
    }

    mutating func remove(_ span: Span) {
        let next = span.header.pointee.next
        let previous = span.header.pointee.previous
        if previous == 0 {
            first = next
        } else {
            Span(at: previous).header.pointee.next = next
        }
        if next == 0 {
            last = previous
        } else {
            Span(at: next).header.pointee.previous = previous
        }
        span.header.pointee.next = 0
        span.header.pointee.previous = 0
    }

    /// Whether `span`, which is on this list or on none, is on this one and followed or preceded.
    func isOnly(_ span: Span) -> Bool { first == span.address && last == span.address }
}
