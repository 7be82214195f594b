// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

/// Every interleaving of SlabLock.swift's steps: a thread that uses its cache and leaves it to the
/// pool, threads that adopt it from there and leave it again, and visitors.
private struct SlabLockModel: Interleaving {
    enum Step: UInt8 {
        case adopt, compare, look, await, wait, asleep, inside, release
        case becomeVisit, leave, endLeave
        case tryVisit, readState, visiting, endVisit
        case wake, done
    }

    struct Actor: Hashable {
        var step: Step
        var rounds: UInt8 = 1
        /// Where an actor goes on when it has woken somebody.
        var next = Step.done
        var isInside = false
    }

    /// What may be left out, to see that it is found missing.
    var leaverHandsOver = true
    var visitorWakes = true
    var actors: [Actor]
    var word: UInt8 = 0
    var isPooled = false
    var violation: String?

    init(adopters: Int, visitors: Int, rounds: UInt8) {
        actors = [Actor(step: .compare, rounds: rounds)]
        for _ in 0..<adopters { actors.append(Actor(step: .adopt, rounds: rounds)) }
        for _ in 0..<visitors { actors.append(Actor(step: .tryVisit)) }
    }

    var successors: [SlabLockModel] {
        actors.indices.map { index in
            var state = self
            state.advance(index)
            if state.actors.filter(\.isInside).count > 1 { state.violation = "two at the slabs" }
            return state
        }
    }

    var violationAtEnd: String? {
        // An adopter finds nothing where another one keeps the cache: none does.
        if actors.contains(where: { $0.step != .done }) { return "a thread waits for ever" }
        return word == 0 ? nil : "held by nobody"
    }

    private mutating func advance(_ index: Int) {
        var actor = actors[index]
        switch actor.step {
        case .adopt:
            if isPooled {
                isPooled = false
                actor.step = .compare
            }
        case .compare:
            if word == 0 { enter(&actor) } else { actor.step = .look }
        case .look:
            switch word {
            case 0: actor.step = .compare
            case 1: violation = "another's hold looks like its own"
            case 2: actor.step = .await
            default: actor.step = .wait
            }
        case .await:
            if word == 2 { word = 3 }
            actor.step = word == 3 ? .wait : .look
        case .wait: actor.step = word == 3 ? .asleep : .look
        case .inside:
            actor.rounds -= 1
            if actor.rounds > 0 {
                actor.step = .release
            } else {
                actor.step = leaverHandsOver ? .becomeVisit : .leave
            }
        case .release:
            actor.isInside = false
            word = 0
            actor.step = .compare
        case .becomeVisit:
            word = 2
            actor.step = .leave
        case .leave:
            isPooled = true
            actor.isInside = false
            actor.step = .endLeave
        case .tryVisit:
            actor.step = word == 0 ? .readState : .done
            if word == 0 { word = 2 }
        case .readState:
            actor.isInside = !isPooled
            actor.step = isPooled ? .endVisit : .visiting
        case .visiting:
            actor.isInside = false
            actor.step = .endVisit
        case .endVisit, .endLeave:
            actor.step = word == 3 && visitorWakes ? .wake : .done
            word = 0
        case .wake:
            if let sleeper = actors.firstIndex(where: { $0.step == .asleep }) {
                actors[sleeper].step = .look
            }
            actor.step = .done
        case .asleep, .done: return
        }
        actors[index] = actor
    }

    private mutating func enter(_ actor: inout Actor) {
        word = 1
        actor.isInside = true
        actor.step = .inside
    }
}

@Suite struct SlabLockTests {
    @Test(
        arguments: [(0, 1, 3), (0, 3, 2), (1, 2, 2), (2, 1, 1), (2, 2, 1)]
            as [(Int, Int, UInt8)])
    func everyInterleavingExcludesAndEnds(adopters: Int, visitors: Int, rounds: UInt8) {
        let run = Exploration(
            from: SlabLockModel(adopters: adopters, visitors: visitors, rounds: rounds))
        #expect(run.violation == nil)
        #expect(run.endings > 0)
    }

    @Test func whatIsMissingIsFound() {
        var leaving = SlabLockModel(adopters: 1, visitors: 1, rounds: 1)
        leaving.leaverHandsOver = false
        #expect(Exploration(from: leaving).violation != nil)
        var silent = SlabLockModel(adopters: 0, visitors: 1, rounds: 2)
        silent.visitorWakes = false
        #expect(Exploration(from: silent).violation != nil)
    }

    @Test func whoHoldsItGoesOnAndVisitorsDoNotWait() {
        let lock = UnsafeMutablePointer<SlabLock>.allocate(capacity: 1)
        lock.initialize(to: SlabLock())
        defer { lock.deallocate() }
        #expect(lock.pointee.acquire() == true)
        #expect(lock.pointee.acquire() == false)
        #expect(lock.pointee.tryVisit() == false)
        lock.pointee.release()
        #expect(lock.pointee.tryVisit() == true)
        #expect(lock.pointee.tryVisit() == false)
        lock.pointee.endVisit()
        #expect(lock.pointee.acquire() == true)
        lock.pointee.resetAfterFork()
        #expect(lock.pointee.tryVisit() == true)
    }

    /// Two threads count, one as who has the cache and one as a visitor, which gives way.
    @Test func threadsCountTogether() throws {
        let counter = VisitedCounter()
        try onThreads(2) { number in
            var left = 20_000
            while left > 0 {
                if number == 0 ? counter.add() : counter.addAsVisitor() { left -= 1 }
            }
        }
        #expect(counter.value == 40_000)
    }
}

private final class VisitedCounter: @unchecked Sendable {
    private let lock: UnsafeMutablePointer<SlabLock> = .allocate(capacity: 1)
    private(set) var value = 0

    init() { lock.initialize(to: SlabLock()) }
    deinit { lock.deallocate() }

    func add() -> Bool {
        let isTaken = lock.pointee.acquire()
        value += 1
        if isTaken { lock.pointee.release() }
        return isTaken
    }

    func addAsVisitor() -> Bool {
        guard lock.pointee.tryVisit() else { return false }
        value += 1
        lock.pointee.endVisit()
        return true
    }
}
