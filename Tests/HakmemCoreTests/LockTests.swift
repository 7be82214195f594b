// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

/// Every interleaving of Lock.swift's steps, with sleeping and waking.
private struct LockModel: Interleaving {
    enum Step: UInt8 { case compare, spin, exchange, wait, asleep, inside, wake, done }

    struct Actor: Hashable {
        var step = Step.compare
        var rounds: UInt8
        var spins: UInt8 = 0
    }

    /// What a thread that has waited writes: 2, because others may sleep too.
    var writtenByWaiter: UInt8 = 2
    var actors: [Actor]
    var word: UInt8 = 0
    var violation: String?

    init(threads: Int, rounds: UInt8, writtenByWaiter: UInt8 = 2) {
        self.writtenByWaiter = writtenByWaiter
        actors = Array(repeating: Actor(rounds: rounds), count: threads)
    }

    var successors: [LockModel] {
        var all: [LockModel] = []
        for index in actors.indices {
            let sleepers = actors.indices.filter { actors[$0].step == .asleep }
            if actors[index].step == .wake, !sleepers.isEmpty {
                // The kernel chooses whom to wake.
                for sleeper in sleepers {
                    var state = self
                    state.actors[sleeper].step = .exchange
                    state.endRound(index)
                    all.append(state)
                }
            } else {
                var state = self
                state.advance(index)
                all.append(state)
            }
        }
        return all
    }

    var violationAtEnd: String? {
        if actors.contains(where: { $0.step != .done }) { return "a thread sleeps for ever" }
        return word == 0 ? nil : "the lock is held by nobody"
    }

    private mutating func endRound(_ index: Int) {
        actors[index].rounds -= 1
        actors[index].spins = 0
        actors[index].step = actors[index].rounds == 0 ? .done : .compare
    }

    private mutating func advance(_ index: Int) {
        var actor = actors[index]
        defer {
            if actors.filter({ $0.step == .inside }).count > 1 { violation = "two hold the lock" }
        }
        switch actor.step {
        case .compare, .spin:
            if word == 0 {
                word = 1
                actor.step = .inside
            } else {
                actor.step = actor.step == .compare ? .spin : .exchange
            }
        case .exchange:
            actor.step = word == 0 ? .inside : .wait
            word = writtenByWaiter
        case .wait: actor.step = word == writtenByWaiter ? .asleep : .exchange
        case .inside:
            let mayHaveSleepers = word == 2
            word = 0
            if !mayHaveSleepers {
                endRound(index)
                return
            }
            actor.step = .wake
        case .wake:
            endRound(index)
            return
        case .asleep, .done: break
        }
        actors[index] = actor
    }
}

@Suite struct LockTests {
    @Test(arguments: [(2, 3), (3, 1), (3, 2), (4, 1)] as [(Int, UInt8)])
    func everyInterleavingExcludesAndEnds(threads: Int, rounds: UInt8) {
        let run = Exploration(from: LockModel(threads: threads, rounds: rounds))
        #expect(run.violation == nil)
        #expect(run.endings > 0)
    }

    @Test func aWaiterThatForgetsTheOthersLosesAWakeUp() {
        let run = Exploration(from: LockModel(threads: 3, rounds: 1, writtenByWaiter: 1))
        #expect(run.violation != nil)
    }

    @Test func threadsCountTogether() throws {
        let counter = LockedCounter()
        try onThreads(4) { _ in
            for _ in 0..<20_000 { counter.add() }
        }
        #expect(counter.value == 80_000)
    }

    @Test func aResetLockIsFree() {
        let counter = LockedCounter()
        counter.lockAndReset()
        counter.add()
        #expect(counter.value == 1)
    }
}

/// A number under a lock at a fixed place.
private final class LockedCounter: @unchecked Sendable {
    private let lock: UnsafeMutablePointer<Lock> = .allocate(capacity: 1)
    private(set) var value = 0

    init() { lock.initialize(to: Lock()) }
    deinit { lock.deallocate() }

    func add() {
        lock.pointee.acquire()
        value += 1
        lock.pointee.release()
    }

    func lockAndReset() {
        lock.pointee.acquire()
        lock.pointee.resetAfterFork()
    }
}
