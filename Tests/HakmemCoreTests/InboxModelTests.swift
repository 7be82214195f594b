// SPDX-License-Identifier: MIT
//
// Every interleaving of an inbox: senders that push with a compare-exchange, an owner that takes
// the whole list with one exchange, and messages that are used again once they were drained.

import Testing

private struct InboxModel: Interleaving {
    enum Step: UInt8 { case load, link, swap, idle, done }

    struct Sender: Hashable {
        var step = Step.idle
        var seen: UInt8 = 0
        var left: UInt8
    }

    /// Whether a sender's push fails when the head has changed since it was read.
    var comparesHead = true
    var senders: [Sender]
    /// Message m (from 1) has its next message here; 0 ends a list.
    var next: [UInt8]
    var isQueued: [Bool]
    var head: UInt8 = 0
    /// The message that the owner is at; 0 when it has none in hand.
    var walked: UInt8 = 0
    var drained: UInt8 = 0
    var violation: String?

    init(senders: Int, sends: UInt8, comparesHead: Bool = true) {
        self.comparesHead = comparesHead
        self.senders = Array(repeating: Sender(left: sends), count: senders)
        next = Array(repeating: 0, count: senders + 1)
        isQueued = Array(repeating: false, count: senders + 1)
        total = UInt8(senders) * sends
    }

    private let total: UInt8

    var successors: [InboxModel] {
        var all: [InboxModel] = []
        for index in senders.indices {
            var state = self
            state.advance(index)
            all.append(state)
        }
        var state = self
        state.drain()
        all.append(state)
        return all
    }

    var violationAtEnd: String? {
        drained == total && head == 0 ? nil : "\(total - drained) messages are lost"
    }

    private mutating func advance(_ index: Int) {
        let message = UInt8(index + 1)
        var sender = senders[index]
        switch sender.step {
        case .idle:
            // A message goes out again only after the owner has drained it.
            if sender.left == 0 || isQueued[Int(message)] { return }
            sender.step = .load
        case .load:
            sender.seen = head
            sender.step = .link
        case .link:
            next[Int(message)] = sender.seen
            sender.step = .swap
        case .swap:
            if comparesHead, head != sender.seen {
                sender.seen = head
                sender.step = .link
            } else {
                head = message
                isQueued[Int(message)] = true
                sender.left -= 1
                sender.step = .idle
            }
        case .done: break
        }
        senders[index] = sender
    }

    private mutating func drain() {
        if walked == 0 {
            walked = head
            head = 0
            return
        }
        if !isQueued[Int(walked)] { violation = "message \(walked) twice" }
        let following = next[Int(walked)]
        isQueued[Int(walked)] = false
        drained += 1
        walked = following
    }
}

@Suite struct InboxModelTests {
    @Test(arguments: [(1, 3), (2, 2), (3, 1), (3, 2)] as [(Int, UInt8)])
    func everyMessageArrivesOnce(senders: Int, sends: UInt8) {
        let run = Exploration(from: InboxModel(senders: senders, sends: sends))
        #expect(run.violation == nil)
        #expect(run.endings > 0)
    }

    @Test func aPushThatDoesNotCompareLosesMessages() {
        let run = Exploration(from: InboxModel(senders: 2, sends: 1, comparesHead: false))
        #expect(run.violation != nil)
    }
}
