// SPDX-License-Identifier: MIT
//
// The calls of all threads in the one order in which they took effect.
//
// A realloc takes effect twice: where it ends the old block, and where the new one is there. In
// between another thread may get the old one's address.

/// What takes effect at one place of the order.
enum CallEffect: Equatable {
    case whole(LoggedCall)
    case reallocBegins(old: UInt64)
    case reallocEnds(LoggedCall)
}

/// Merges the threads' calls: a binary heap of threads by the place of their next effect.
///
/// Invariant: heap[i].place <= heap[2 i + 1].place and heap[2 i + 2].place.
struct CallOrder: IteratorProtocol {
    private struct Source {
        let thread: Int
        var calls: ThreadCalls
        var effect: CallEffect
        var place: UInt64
        /// The second effect of a realloc.
        var rest: LoggedCall?

        init?(thread: Int, calls: ThreadCalls) {
            var calls = calls
            guard let first = calls.next() else { return nil }
            self.thread = thread
            self.calls = calls
            effect = .whole(first)
            place = 0
            take(first)
        }

        private mutating func take(_ call: LoggedCall) {
            if case .realloc(let began, let old, _) = call.kind, old != 0 {
                effect = .reallocBegins(old: old)
                // A signal handler's calls may stand before it.
                place = max(began, place)
                rest = call
            } else {
                effect = .whole(call)
                place = call.order
            }
        }

        /// Steps to the next effect; false behind the last.
        mutating func advance() -> Bool {
            if let call = rest {
                effect = .reallocEnds(call)
                place = call.order
                rest = nil
                return true
            }
            guard let call = calls.next() else { return false }
            take(call)
            return true
        }
    }

    private var heap: [Source] = []

    init(_ log: TraceLog) {
        for thread in 0..<log.threadCount {
            if let source = Source(thread: thread, calls: log.calls(ofThread: thread)) {
                heap.append(source)
            }
        }
        for index in heap.indices.reversed() { siftDown(index) }
    }

    /// The next effect and the thread, counted from 0, whose call it is.
    mutating func next() -> (thread: Int, effect: CallEffect)? {
        guard let first = heap.first else { return nil }
        if !heap[0].advance() {
            heap.swapAt(0, heap.count - 1)
            heap.removeLast()
        }
        siftDown(0)
        return (first.thread, first.effect)
    }

    private mutating func siftDown(_ start: Int) {
        var index = start
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < heap.count && heap[child].place < heap[least].place {
                least = child
            }
            guard least != index else { return }
            heap.swapAt(index, least)
            index = least
        }
    }
}
